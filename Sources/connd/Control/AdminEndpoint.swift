import AdminAPI
import ConfigurationFile
import ForwardProxy
import ProxyTypes
import Synchronization

/// Where the admin API listens, across reloads, and the file that tells companions. Shared.
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
        return await told()
    }

    /// Where one cannot be bound, nothing changes.
    func update(_ listeners: [AdminListener], token: AdminToken?, allowedHosts: [String]) async throws {
        try await server.update(listeners: listeners, token: token, allowedHosts: allowedHosts)
        let places = await told()
        await mailbox.run { Self.note(places, in: $0) }
    }

    /// Requests to these through the proxy are refused.
    static func note(_ places: [ListenAddress], in loop: ProxyLoop) {
        loop.setOtherListeners(
            places.compactMap { place in
                if case .tcp(let address, let port) = place { (address, port) } else { nil }
            })
    }

    func stop() async {
        forget()
        await server.stop()
    }

    /// Removes the file, so that companions no longer connect here.
    func forget() {
        if let file = Self.fileText(addresses) { files.remove(address: file) }
    }

    private func told() async -> [ListenAddress] {
        let bound = await server.addresses
        forget()
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
