import NIOCore
import Synchronization

/// Who is at the other end of an admin connection. Value.
enum AdminPeer: Hashable, Sendable {
    /// Shows who it is by its token.
    case network
    /// Of a Unix socket, by the kernel's word; nil where it gave none.
    case user(UInt32?)
}

/// The admin connections that are open. Shared.
final class AdminConnections: Sendable {
    /// Of one listener; so a flood over TCP leaves the Unix socket free.
    static let limit = 64

    private let state = Mutex(State())

    private struct State {
        var open: [ObjectIdentifier: Entry] = [:]
        /// Whose requests are being answered, or may be.
        var served = 0
        var waiting: [AsyncStream<Never>.Continuation] = []

        var isEmpty: Bool { open.isEmpty && served == 0 }
    }

    private struct Entry {
        let channel: any Channel
        let listener: Int
        var peer: AdminPeer
    }

    /// How many the listener has now, this one included. It leaves by itself when it closes.
    func register(_ channel: any Channel, listener: Int, peer: AdminPeer) -> Int {
        let id = ObjectIdentifier(channel)
        let count = state.withLock { state in
            state.open[id] = Entry(channel: channel, listener: listener, peer: peer)
            return state.open.values.count { $0.listener == listener }
        }
        channel.closeFuture.whenComplete { _ in self.leave { $0.open[id] = nil } }
        return count
    }

    func serve(_ work: @escaping @Sendable () async -> Void) {
        state.withLock { $0.served += 1 }
        Task {
            await work()
            self.leave { $0.served -= 1 }
        }
    }

    func identify(_ channel: any Channel, as peer: AdminPeer) {
        state.withLock { $0.open[ObjectIdentifier(channel)]?.peer = peer }
    }

    /// An unknown peer may change nothing.
    func peer(of channel: any Channel) -> AdminPeer {
        state.withLock { $0.open[ObjectIdentifier(channel)]?.peer } ?? .user(nil)
    }

    var channels: [any Channel] { state.withLock { $0.open.values.map(\.channel) } }

    /// Whether none is open and nobody works for one, waiting so long for it.
    func emptied(within patience: Duration) async -> Bool {
        let (ends, end) = AsyncStream.makeStream(of: Never.self)
        let isEmpty = state.withLock { state in
            if !state.isEmpty { state.waiting.append(end) }
            return state.isEmpty
        }
        if isEmpty { return true }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in ends {} }
            group.addTask { try? await Task.sleep(for: patience) }
            await group.next()
            group.cancelAll()
        }
        return state.withLock { $0.isEmpty }
    }

    private func leave(_ change: @Sendable (inout State) -> Void) {
        let released = state.withLock { state -> [AsyncStream<Never>.Continuation] in
            change(&state)
            guard state.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in released { continuation.finish() }
    }
}
