import AdminAPI
import ConfigurationFile
import ForwardProxy
import ProxyTypes
import Synchronization

/// Where the admin API is served, also after reloads, and the file that says so. Shared.
final class AdminPlace: Sendable {
    private let server: AdminServer
    private let files: AdminFiles
    private let gate: LoopGate
    private let state = Mutex<[String]>([])

    init(server: AdminServer, files: AdminFiles, gate: LoopGate) {
        self.server = server
        self.files = files
        self.gate = gate
    }

    /// As bound.
    var addresses: [String] { state.withLock { $0 } }

    /// Returns where it listens. The data loop need not run yet.
    func start() async throws -> [ListenAddress] {
        try await server.start()
        return await told()
    }

    /// Where one cannot be bound nothing changes.
    func update(_ listeners: [AdminListener], token: AdminToken?, allowedHosts: [String]) async throws {
        try await server.update(listeners: listeners, token: token, allowedHosts: allowedHosts)
        let places = await told()
        await gate.run { Self.note(places, in: $0) }
    }

    /// Requests to them through the proxy are refused.
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

    /// A companion must not be sent here any more.
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
