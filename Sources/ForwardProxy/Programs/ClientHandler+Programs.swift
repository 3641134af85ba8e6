import Pooling
import ProxyTypes
import Reactor

/// What a client's connection tells of itself, for the program behind it.
extension ClientHandler {
    /// It has just been accepted.
    func tellOpened() {
        guard loop.configuration.attributesPrograms, let programs = loop.programs else { return }
        isAttributed = true
        programs.opened(id.rawValue, source)
    }

    private var source: ClientPrograms.Source {
        guard peer != nil else { return .unix(stream.peerOwner) }
        guard let client = stream.remoteEndpoint, let server = stream.localEndpoint else { return .closed }
        return .tcp(SocketOwners.Ends(client: client, server: server))
    }

    /// What it has asked for since the last time.
    func tellUse(isLast: Bool) {
        guard isAttributed, let programs = loop.programs else { return }
        if isLast { isAttributed = false }
        if let told = use.take(for: id.rawValue, isLast: isLast) { programs.used(told) }
    }
}

extension ProxyLoop {
    /// Tells what the clients in these slots have asked for. Returns the first slot that is left; nil where that was all.
    package func tellUses(from first: Int, count: Int) -> Int? {
        let slots = min(first + count, clientSlotCount)
        for slot in first..<max(slots, first) { client(in: UInt32(slot))?.tellUse(isLast: false) }
        return slots < clientSlotCount ? slots : nil
    }

    /// The clients that are connected, and the number of the next one.
    package var livingClients: (living: Set<UInt64>, next: UInt64) {
        var living: Set<UInt64> = []
        forEachClient { living.insert($0.id.rawValue) }
        return (living, clientNumber + 1)
    }
}
