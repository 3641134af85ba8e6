import Metering
package import ProxyTypes
package import Reactor
import Upstream

/// Which clients are accepted, and which are evicted for them when all slots are taken.
extension ProxyLoop: ListenerHandler {
    package var hasRoom: Bool { acceptsClients && !isFull }

    package var mayMakeRoom: Bool { acceptsClients && clientToEvict() != nil }

    package func makeRoom() -> Bool {
        guard acceptsClients else { return false }
        // More than one where there are more clients than a reload allows, or where another has to end before one can linger.
        while isFull, let client = clientToEvict() { client.evict(now: now) }
        return !isFull
    }

    package func accepted(_ stream: any ByteStream, peer: IPAddress?) {
        accept(stream, peer: peer, gateway: nil)
    }

    func accept(_ stream: any ByteStream, peer: IPAddress?, gateway: Gateway?) {
        let client = ClientHandler(loop: self, stream: stream, peer: peer, gateway: gateway)
        add(client)
        client.tellOpened()
        client.start(now: now)
    }

    package func outOfDescriptors() {
        _ = upstream.relieveDescriptorPressure()
    }

    package func acceptingPaused() {
        upstream.metrics.acceptPauses += 1
        timer.wake(roomTimer, at: nextLookForRoom)
    }

    var isFull: Bool { slots.isFull(configuration.maxClientConnections) }

    /// The socket is checked too: a request that has arrived but was not read yet must be answered, and a response that
    /// the client has not taken yet must be delivered.
    private func clientToEvict() -> ClientHandler? {
        while case .slot(let slot) = slots.evictionCandidate(now: now) {
            guard let client = client(in: slot) else {
                Invariant.broken("a slot is taken by no client")
                return nil
            }
            if client.isClosing || client.isWritable && client.stream.isSilent { return client }
            slots.markBusy(slot)
        }
        return nil
    }
}

/// While clients wait to be accepted: no event tells that another client has been idle for long enough, so the timer does.
extension ProxyLoop: DeadlineOwner {
    private var nextLookForRoom: Instant {
        let soon = now + ClientSlots.idleGrace
        guard isFull, case .later(let when) = slots.evictionCandidate(now: now) else { return soon }
        return min(when, soon)
    }

    package func deadlineReached(now: Instant) -> Instant {
        for listener in listeners { listener.resume() }
        return isFull && listeners.contains(where: \.isPaused) ? nextLookForRoom : .distantFuture
    }
}

/// Why waiting clients are not accepted. Value.
package enum AcceptPause: String, Sendable {
    /// All slots are taken, by clients that are not idle.
    case full
    case descriptors
}

extension ProxyLoop {
    /// Nil where clients are accepted, or connd stops.
    package var acceptPause: AcceptPause? {
        guard !isDraining, listeners.contains(where: \.isPaused) else { return nil }
        return isFull ? .full : .descriptors
    }
}
