import Pooling
package import ProxyTypes
import Reactor
import Upstream

/// While the proxy stops and a successor will have the same sockets: whether those who come are still served here. Value.
///
/// They are, one answer each, as long as a client from before is busy: a long download is not to hold up a whole host. When
/// those have gone, newcomers wait in the sockets, and the rest is given a moment to end. If somebody among them takes longer
/// than that, they count as those from before, and newcomers are served again.
struct Handover {
    var isOpen = false
    /// The number of the last client that came before it opened.
    var mark: UInt64 = 0
    var closedAt = Instant.zero

    /// How long newcomers may find nobody.
    static let moment = Interval.seconds(1)
}

/// The end: what runs ends well, in time, and nobody who comes is turned away.
extension ProxyLoop {
    /// Clients that ask for nothing are closed, the others after what they are being answered.
    package func drain() {
        for listener in listeners where !listener.socket.isInherited { listener.acceptWaiting() }
        isDraining = true
        for listener in listeners where !listener.socket.isInherited { listener.close() }
        listeners.removeAll { !$0.socket.isInherited }
        openHandover()
        for client in Array(clients.values) { client.drain() }
        upstream.closeIdle()
    }

    private func openHandover() {
        handover.mark = clientNumber
        handover.isOpen = !listeners.isEmpty
        for listener in listeners { listener.resume() }
    }

    /// To be called every few milliseconds from `drain` on. `handoverEnds`: when newcomers are left to the successor in any
    /// case, so that what they asked for can end. `waitingEnds`: when requests that wait for a connection are refused, so that
    /// their clients still get the answer. Returns whether all who matter have gone.
    package func continueDrain(now: Instant, handoverEnds: Instant, waitingEnds: Instant) -> Bool {
        if now >= waitingEnds { refuseWaiting(now: now) }
        var busy = 0
        var busyFromBefore = 0
        var tunnels = 0
        for client in clients.values where !client.isDone(now: now) {
            busy += 1
            if client.id.rawValue <= handover.mark { busyFromBefore += 1 }
            if client.phase == .tunnel { tunnels += 1 }
        }
        if handover.isOpen {
            if busyFromBefore == 0 || now >= handoverEnds { closeHandover(now: now) }
        } else if !listeners.isEmpty {
            if now >= handoverEnds {
                // Tunnels have had their time, and those who wait are not to wait for them.
                if busy == tunnels { return true }
            } else if busy > 0, now - handover.closedAt >= Handover.moment {
                openHandover()
            }
        }
        return busy == 0 && !handover.isOpen
    }

    private func closeHandover(now: Instant) {
        handover.isOpen = false
        handover.closedAt = now
        for client in Array(clients.values) { client.settle(now: now) }
    }

    private func refuseWaiting(now: Instant) {
        for client in Array(clients.values) { client.refuseWaiting(now: now) }
    }

    package func kill() {
        refuseWaiting(now: now)
        closeClients()
        upstream.kill()
    }

    /// Those that are left: they linger, or are tunnels that have had their time.
    package func closeClients() {
        handover.isOpen = false
        for listener in listeners { listener.close() }
        listeners.removeAll()
        for client in Array(clients.values) { client.kill() }
    }
}
