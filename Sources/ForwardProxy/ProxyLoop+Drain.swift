import Pooling
import ProxyTypes
import Reactor
import Upstream

/// Whether the proxy serves or stops and, where a successor will have the same sockets, which of the two serves new clients.
/// Value.
///
/// ```
///   serving ──▶ handingOver ◀──▶ handedOver
/// ```
///
/// New clients are still served here, one answer each, as long as an earlier client is busy: a long download must not hold up
/// a whole host. When the earlier clients have gone, new ones wait in the sockets, and those being served get a moment to end.
/// If some of them take longer, they count as earlier clients, and new ones are served again.
enum DrainState {
    case serving
    /// `lastEarlier`: the number of the last client that was accepted before.
    case handingOver(lastEarlier: UInt64)
    case handedOver(since: Instant)

    /// How long new clients may wait in the sockets.
    static let moment = Interval.seconds(1)
}

/// The parts of a `Shutdown`: what runs ends well and in time, and no new client is turned away.
extension ProxyLoop {
    package var isDraining: Bool {
        switch drainState {
        case .serving: false
        case .handingOver, .handedOver: true
        }
    }

    var acceptsClients: Bool {
        switch drainState {
        case .serving, .handingOver: true
        case .handedOver: false
        }
    }

    /// Clients without a request are closed, the others after the response that is under way.
    func drain() {
        for listener in listeners where !listener.socket.isInherited { listener.acceptWaiting() }
        drainState = .handedOver(since: .zero)
        for listener in listeners where !listener.socket.isInherited { listener.close() }
        listeners.removeAll { !$0.socket.isInherited }
        if !listeners.isEmpty { handOver() }
        let now = now
        forEachClient { $0.drain(now: now) }
        upstream.closeIdle()
    }

    private func handOver() {
        drainState = .handingOver(lastEarlier: clientNumber)
        for listener in listeners { listener.resume() }
    }

    /// To be called every few milliseconds after `drain`. Returns whether all clients that matter have gone.
    func continueDrain(now: Instant, _ schedule: ShutdownSchedule) -> Bool {
        if now >= schedule.waitingEnds { refuseWaiting(now: now) }
        var busy = 0
        var oldest = UInt64.max
        var tunnels = 0
        forEachClient { client in
            guard !client.isDone(now: now) else { return }
            busy += 1
            oldest = min(oldest, client.id.rawValue)
            if client.isTunnel { tunnels += 1 }
        }
        switch drainState {
        case .serving:
            Invariant.broken("a drain continues that was not begun")
            return false
        case .handingOver(let lastEarlier):
            guard oldest > lastEarlier || now >= schedule.handoverEnds else { return false }
            drainState = .handedOver(since: now)
            forEachClient { $0.idleIfDone(now: now) }
            return busy == 0
        case .handedOver(let since):
            guard !listeners.isEmpty, busy > 0 else { return busy == 0 }
            // Tunnels have had their time, and clients that wait in the sockets must not wait for them.
            if now >= schedule.handoverEnds { return busy == tunnels }
            if now - since >= DrainState.moment { handOver() }
            return false
        }
    }

    private func refuseWaiting(now: Instant) {
        forEachClient { $0.refuseWaiting(now: now) }
    }

    /// Ends everything at once.
    func kill() {
        refuseWaiting(now: now)
        closeClients()
        upstream.kill()
    }

    /// Closes the clients that are left: they linger, or are tunnels whose time is over.
    func closeClients() {
        let now = now
        drainState = .handedOver(since: now)
        for listener in listeners { listener.close() }
        listeners.removeAll()
        forEachClient { $0.kill(now: now) }
        dropSpareExchanges()
    }
}
