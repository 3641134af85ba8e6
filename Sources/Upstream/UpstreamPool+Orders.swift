package import Metering
package import Pooling
package import ProxyTypes
import Reactor
package import Tuning

/// What is asked of a pool from outside, and what it tells of itself.
extension UpstreamPool {
    package func apply(_ settings: EffectiveSettings, now: Instant) {
        if settings != self.settings { refused.forget() }
        self.settings = settings
        machine.apply(PoolPolicy(settings), now: now, into: &actions)
        perform(now: now)
    }

    /// What the kernel refused of the settings of a dial: counted, and told once.
    func note(_ refusals: [SocketTuning.Refusal]) {
        for refusal in refusals {
            loop.metrics.socketSettingsRefused += 1
            guard let reason = refused.note(refusal, settings) else { continue }
            loop.ended.note(RefusedSetting(origin: origin, setting: refusal.setting, reason: reason))
        }
    }

    /// It is used no more: who still holds it asks the loop for the one that has its place.
    func forget() {
        isForgotten = true
        shutdown(now: loop.now)
        loop.timer.remove(timer)
    }

    func shutdown(now: Instant) {
        machine.shutdown(now: now, into: &actions)
        perform(now: now)
    }

    func kill() {
        for dial in dials.values { dial.cancel() }
        for dial in tunnelDials.values { dial.cancel() }
        for connection in connections { connection?.kill() }
        for tunnel in Array(tunnels.values) { tunnel.kill() }
    }

    /// `abruptly`: their place is needed before this returns.
    func shedIdle(_ count: Int, _ reason: CloseReason, abruptly: Bool = false, now: Instant) -> Bool {
        let shed = machine.shedIdle(count, reason, now: now, into: &actions)
        closesAbruptly = abruptly
        perform(now: now)
        closesAbruptly = false
        return shed > 0
    }

    func shedAtOnce(_ reason: CloseReason, now: Instant) {
        _ = shedIdle(idleConnections, reason, abruptly: true, now: now)
    }

    func budgetFreed(now: Instant) {
        machine.budgetFreed(now: now, into: &actions)
        perform(now: now)
    }

    // MARK: An operator's

    /// Idle connections close now, others when their lease ends; tunnels go on. Returns how many are concerned.
    package func drain(_ reason: CloseReason = .drained, now: Instant) -> Int {
        let concerned = machine.drain(reason, now: now, into: &actions)
        perform(now: now)
        return concerned
    }

    /// A drain, a fresh look-up, and as many new connections as could have served.
    package func reconnect(now: Instant) -> Int {
        loop.addresses.expire(origin.hostForLookup)
        let live = machine.counts.idle + machine.counts.leased
        let concerned = drain(now: now)
        _ = prewarm(live, now: now)
        return concerned
    }

    /// Dials until this many are idle, as far as limits allow. Returns how many dials began.
    package func prewarm(_ count: Int, now: Instant) -> Int {
        let dialled = machine.prewarm(count, now: now, into: &actions)
        perform(now: now)
        return dialled
    }

    package func pause(now: Instant) {
        machine.pause(now: now, into: &actions)
        perform(now: now)
    }

    package func resume(now: Instant) {
        machine.resume(now: now, into: &actions)
        perform(now: now)
    }

    package var isPaused: Bool { machine.isPaused }
    /// Nobody holds or waits for a connection.
    var isIdle: Bool {
        let counts = machine.counts
        return counts.leased + counts.draining + counts.dialing + counts.waiting + tunnels.count + tunnelDials.count
            == 0
    }

    // MARK: Connections that belong to one client

    /// Authentication was seen on it that holds for the connection: whoever sent there next would act as that user.
    func pin(_ connection: UpstreamConnection, to client: ClientID, isLoggingIn: Bool) {
        guard let id = connection.id else { return }
        let wasPinned = machine.facts(of: id)?.ownership.owner != nil
        machine.pin(id, to: client, isLoggingIn: isLoggingIn)
        if !wasPinned, machine.facts(of: id)?.ownership.owner != nil { figures.pinned += 1 }
    }

    package func isPinned(to client: ClientID) -> Bool { machine.isPinned(to: client) }

    package func endPins(of client: ClientID, now: Instant) {
        guard !isForgotten else { return }
        machine.endPins(of: client, now: now, into: &actions)
        perform(now: now)
    }

    // MARK: Telling

    package var gauges: OriginGauges {
        let counts = machine.counts
        var gauges = OriginGauges()
        gauges.dialing = counts.dialing
        gauges.idle = counts.idle
        gauges.leased = counts.leased
        gauges.pinned = counts.pinned
        gauges.draining = counts.draining
        gauges.closing = counts.closing
        gauges.waiting = counts.waiting
        gauges.active = active
        gauges.tunnels = openTunnels
        gauges.isPaused = machine.isPaused
        gauges.dialFailures = machine.dialFailures
        return gauges
    }

    func state(of connection: UpstreamConnection) -> ConnectionState {
        switch connection.state {
        case .tunnel, .closing(.flushing): return .tunnel
        case .closed: return .closed
        case .closing(.lingering): return .closing
        case .idle, .serving: break
        }
        return connection.id.flatMap { machine.facts(of: $0) }?.state ?? .leased
    }

    /// Ends one: an idle one at once, another with its lease; `force`: at once, and its exchange fails.
    func close(_ connection: UpstreamConnection, force: Bool, now: Instant) {
        switch connection.state {
        // It has no end of its own to wait for, but its client's.
        case .tunnel, .closing(.flushing): if force { connection.closeByOrder(now: now) }
        case .serving where force: connection.closeByOrder(now: now)
        case .idle, .serving, .closing(.lingering), .closed:
            guard let id = connection.id else { return }
            machine.close(id, .killed, now: now, into: &actions)
            perform(now: now)
        }
    }
}
