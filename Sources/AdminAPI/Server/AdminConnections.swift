import NIOCore
import Synchronization

/// The client of an admin connection. Value.
enum AdminPeer: Hashable, Sendable {
    /// Authenticates with its token.
    case network
    /// A Unix socket client, with the user id that the kernel reports; nil if it reports none.
    case user(UInt32?)
}

/// The open admin connections. Shared.
final class AdminConnections: Sendable {
    /// Per listener, so that a flood over TCP leaves the Unix socket usable.
    static let limit = 64

    private let state = Mutex(State())

    private struct State {
        var open: [ObjectIdentifier: Entry] = [:]
        /// Connections whose task has not ended.
        var served = 0
        var waiting: [AsyncStream<Never>.Continuation] = []

        var isEmpty: Bool { open.isEmpty && served == 0 }
    }

    private struct Entry {
        let channel: any Channel
        let listener: Int
        var peer: AdminPeer
    }

    /// Returns the number of connections of that listener, including this one. It is removed when it closes.
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

    /// A peer that is not registered may not change anything.
    func peer(of channel: any Channel) -> AdminPeer {
        state.withLock { $0.open[ObjectIdentifier(channel)]?.peer } ?? .user(nil)
    }

    var channels: [any Channel] { state.withLock { $0.open.values.map(\.channel) } }

    /// Waits until no connection is open or served; false if that takes longer than `timeout`.
    func emptied(within timeout: Duration) async -> Bool {
        let (ends, end) = AsyncStream.makeStream(of: Never.self)
        let isEmpty = state.withLock { state in
            if !state.isEmpty { state.waiting.append(end) }
            return state.isEmpty
        }
        if isEmpty { return true }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in ends {} }
            group.addTask { try? await Task.sleep(for: timeout) }
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
