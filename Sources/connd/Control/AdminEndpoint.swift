import AdminAPI
import ConfigurationFile
import ForwardProxy
import ProxyTypes
import Synchronization

/// Where the admin API listens, across reloads, and the file by which companions such as connctl find it. Shared.
final class AdminEndpoint: Sendable {
    private let server: AdminServer
    private let files: AdminFiles
    private let mailbox: LoopMailbox
    private let state = Mutex<[String]>([])

    init(server: AdminServer, files: AdminFiles, mailbox: LoopMailbox) {
        self.server = server
        self.files = files
        self.mailbox = mailbox
    }

    /// As bound.
    var addresses: [String] { state.withLock { $0 } }

    /// Returns where it listens. The data loop does not need to run yet.
    func start() async throws -> [ListenAddress] {
        try await server.start()
        return await publish()
    }

    /// Where one cannot be bound, nothing changes.
    func update(_ listeners: [AdminListener], token: AdminToken?, allowedHosts: [String]) async throws {
        try await server.update(listeners: listeners, token: token, allowedHosts: allowedHosts)
        let addresses = await publish()
        await mailbox.run { Self.refuseRequests(to: addresses, in: $0) }
    }

    /// From then on the proxy refuses requests to these addresses.
    static func refuseRequests(to addresses: [ListenAddress], in loop: ProxyLoop) {
        loop.setOtherListeners(
            addresses.compactMap { listener in
                if case .tcp(let address, let port) = listener { (address, port) } else { nil }
            })
    }

    func stop() async {
        removeFile()
        await server.stop()
    }

    /// So that companions no longer connect here.
    func removeFile() {
        if let file = Self.fileText(addresses) { files.remove(address: file) }
    }

    /// Writes the file. Returns the addresses as bound.
    private func publish() async -> [ListenAddress] {
        let bound = await server.addresses
        removeFile()
        state.withLock { $0 = bound }
        if let file = Self.fileText(bound) {
            files.makeStateDirectory()
            files.write(address: file)
        }
        return bound.compactMap { text in try? ListenAddress(parsing: text) }
    }

    private static func fileText(_ addresses: [String]) -> String? {
        addresses.first.map { $0.hasPrefix("unix:") ? $0 : "http://\($0)" }
    }
}
