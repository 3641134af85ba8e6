import Metering
package import ProxyTypes
package import Reactor
import Upstream

/// Who comes in, and who gives way when all places are taken.
extension ProxyLoop: ListenerHandler {
    package var hasRoom: Bool { letsClientsIn && !isFull }

    package var mayMakeRoom: Bool { letsClientsIn && whoGivesWay() != nil }

    package func makeRoom() -> Bool {
        guard letsClientsIn else { return false }
        // More than one where there are more clients than a reload allows, or where another has to end before one lingers.
        while isFull, let client = whoGivesWay() { client.giveWay(now: now) }
        return !isFull
    }

    package func accepted(_ stream: any ByteStream, peer: IPAddress?) {
        let client = ClientHandler(loop: self)
        stream.handler = client
        add(client)
        client.start(on: stream, peer: peer)
    }

    package func outOfDescriptors() {
        _ = upstream.relieveDescriptorPressure()
    }

    package func acceptingPaused() {
        upstream.metrics.acceptPauses += 1
        timer.wake(roomTimer, at: nextLookForRoom)
    }

    var isFull: Bool { places.isFull(configuration.maxClientConnections) }

    private var letsClientsIn: Bool { !isDraining || handover.isOpen }

    /// The socket is checked too: a request that has arrived but was not read yet must be answered, and a response that
    /// the client has not taken yet must be delivered.
    private func whoGivesWay() -> ClientHandler? {
        while case .place(let place) = places.choose(now: now) {
            guard let client = clients[place] else {
                Invariant.broken("a place is taken by no client")
                return nil
            }
            if client.phase == .closing || client.isWritable && client.stream?.isSilent == true { return client }
            places.busy(place)
        }
        return nil
    }
}

/// While clients wait for room: a client becomes idle without telling anybody, so that this is looked for.
extension ProxyLoop: DeadlineOwner {
    private var nextLookForRoom: Instant {
        let soon = now + ClientPlaces.settled
        guard isFull, case .later(let when) = places.choose(now: now) else { return soon }
        return min(when, soon)
    }

    package func deadlineReached(now: Instant) -> Instant {
        for listener in listeners { listener.resume() }
        return isFull && listeners.contains(where: \.isPaused) ? nextLookForRoom : .distantFuture
    }
}

/// Why clients that have come are not let in. Value.
package enum AcceptPause: String, Sendable {
    /// All places are taken, by clients that are not idle.
    case full
    case descriptors
}

extension ProxyLoop {
    /// Nil: whoever comes is let in, or connd stops.
    package var acceptPause: AcceptPause? {
        guard !isDraining, listeners.contains(where: \.isPaused) else { return nil }
        return isFull ? .full : .descriptors
    }
}
