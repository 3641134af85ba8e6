package import Metering
package import Pooling
package import ProxyTypes
import Reactor
import Resolving
package import Tuning

/// Orders from outside, and reports.
extension UpstreamPool {
    package func apply(_ settings: EffectiveSettings, now: Instant) {
        if settings != self.settings { refused.forget() }
        let profile = tlsProfile
        self.settings = settings
        machine.apply(PoolPolicy(settings), now: now, into: &actions.pending)
        learning.refresh(now: loop.wallClock, margin: settings.keepAliveMargin)
        applyLearning(now: now)
        if tlsProfile != profile { _ = machine.drain(.settingsChanged, now: now, into: &actions.pending) }
        perform(now: now)
    }

    /// Counts the socket options of a dial that the kernel refused, and reports each once.
    func note(_ refusals: [SocketTuning.Refusal]) {
        for refusal in refusals {
            loop.metrics.socketSettingsRefused += 1
            guard let reason = refused.note(refusal, settings) else { continue }
            loop.ended.note(RefusedSetting(origin: origin, setting: refusal.setting, reason: reason))
        }
    }

    /// The loop drops it.
    func forget() {
        isForgotten = true
        shutdown(now: loop.now)
        addressDrain.stop()
        loop.timer.remove(timer)
    }

    func shutdown(now: Instant) {
        giveUpLateAttempts()
        machine.shutdown(now: now, into: &actions.pending)
        perform(now: now)
    }

    func kill() {
        giveUpLateAttempts()
        for dial in sockets.dials { dial.cancel() }
        for connection in sockets.connections { connection.kill() }
    }

    /// Returns how many connections it closes. `abruptly`: they are gone when this returns.
    @discardableResult
    func shedIdle(_ count: Int, _ reason: CloseReason, abruptly: Bool = false, now: Instant) -> Int {
        let shed = machine.shedIdle(count, reason, now: now, into: &actions.pending)
        perform(abruptly: abruptly, now: now)
        return shed
    }

    func budgetFreed(now: Instant) {
        machine.budgetFreed(now: now, into: &actions.pending)
        perform(now: now)
    }

    // MARK: Of an operator

    /// Idle connections close now, others when their lease ends; tunnels go on. Returns how many this affects.
    package func drain(_ reason: CloseReason = .drained, now: Instant) -> Int {
        let affected = machine.drain(reason, now: now, into: &actions.pending)
        perform(now: now)
        return affected
    }

    /// Drains, looks the name up again and dials as many connections as were usable.
    package func reconnect(now: Instant) -> Int {
        loop.addresses.expire(NameKey(origin.hostForLookup, settings.resolver))
        let counts = machine.counts
        let live = counts.idle - counts.parked + counts.leased
        let affected = drain(now: now)
        // Where nothing is replaced nothing is kept warm either: a pool of tunnels has no use for idle connections.
        if live > 0 { _ = prewarm(live, now: now) }
        return affected
    }

    /// Dials until this many are idle, as far as limits allow. Returns how many dials began.
    package func prewarm(_ count: Int, now: Instant) -> Int {
        let dialled = machine.prewarm(count, now: now, into: &actions.pending)
        perform(now: now)
        return dialled
    }

    package func pause(now: Instant) {
        machine.pause(now: now, into: &actions.pending)
        perform(now: now)
    }

    package func resume(now: Instant) {
        machine.resume(now: now, into: &actions.pending)
        perform(now: now)
    }

    package var isPaused: Bool { machine.isPaused }
    /// No connection is in use or being dialled, and nothing waits for one.
    var isIdle: Bool {
        let counts = machine.counts
        return counts.idle + counts.pinned + counts.closing == counts.sockets
            && counts.waiting + counts.waitingTunnels == 0
    }

    // MARK: Connections that belong to one client

    /// It carried authentication that holds for the connection: requests of other clients on it would act as this one.
    func pin(_ connection: UpstreamConnection, to client: ClientID, isLoggingIn: Bool) {
        let wasPinned = connection.isPinned
        machine.pin(connection.id, to: client, isLoggingIn: isLoggingIn)
        if !wasPinned, connection.isPinned { statistics.pinned += 1 }
    }

    package func isPinned(to client: ClientID) -> Bool { machine.isPinned(to: client) }

    package func endPins(of client: ClientID, now: Instant) {
        guard !isForgotten else { return }
        machine.endPins(of: client, now: now, into: &actions.pending)
        perform(now: now)
    }

    // MARK: Reports

    /// What the kernel knows of a connection on which an exchange has just ended. It goes through all connections of the
    /// pool: for exchanges that are kept, which are few.
    package func segmentFacts(ofConnection number: UInt64) -> SegmentFacts? {
        if let open = sockets.connections.first(where: { $0.number == number }) { return open.segmentFacts() }
        return loop.ended.connections.last { $0.number == number }?.segments
    }

    package var gauges: OriginGauges {
        let counts = machine.counts
        var gauges = OriginGauges()
        gauges.dialing = counts.dialing
        gauges.idle = counts.idle - counts.parked
        gauges.parked = counts.parked
        gauges.leased = counts.leased
        gauges.pinned = counts.pinned
        gauges.draining = counts.draining
        gauges.closing = counts.closing
        gauges.waiting = counts.waiting + counts.waitingTunnels
        gauges.active = active
        gauges.tunnels = openTunnels
        gauges.isPaused = machine.isPaused
        gauges.dialFailures = machine.dialFailures
        gauges.unverified = unverifiedConnections
        gauges.certificateExpires = certificateExpires
        gauges.learnedIdleBound = learnedIdleBound
        return gauges
    }

    func state(of connection: UpstreamConnection) -> ConnectionState {
        switch connection.state {
        case .tunnel, .closing(.flushing): return .tunnel
        case .closed: return .closed
        case .closing(.lingering): return .closing
        case .idle, .serving: break
        }
        return machine.state(of: connection.id) ?? .leased
    }

    /// Ends one: an idle one at once, another when its lease ends. `force`: at once, and its exchange fails.
    func close(_ connection: UpstreamConnection, force: Bool, now: Instant) {
        switch connection.state {
        // A tunnel ends when its client or its origin does: there is no earlier end to wait for.
        case .tunnel, .closing(.flushing): if force { connection.closeByOrder(now: now) }
        case .serving where force: connection.closeByOrder(now: now)
        case .idle, .serving, .closing(.lingering), .closed:
            machine.close(connection.id, .killed, now: now, into: &actions.pending)
            perform(now: now)
        }
    }
}
