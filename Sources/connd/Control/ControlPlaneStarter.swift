import AdminAPI
import ConfigurationFile
import Dispatch
import ForwardProxy
import Foundation
import Logging
import ProxyTypes
import Reactor
import Store
import Synchronization
import Tuning

/// Puts the control plane together and has the admin API listen. Value, used once.
struct ControlPlaneStarter {
    let configuration: Configuration
    let store: Store
    let shared: SharedLayers
    let book: SettingBook
    let expired: SettingChange
    let configured: ConfigurationState
    let process: ProcessState
    let logger: Logger
    let accessLog: ForwardProxy.AccessLog?

    /// Called on the thread that will run the reactor, before it does.
    func start(_ loop: ProxyLoop, on reactor: Reactor) throws -> ControlPlane {
        let environment = ProcessInfo.processInfo.environment
        let files = AdminFiles(stateDirectory: Configuration.stateDirectory(environment: environment))
        let gate = LoopGate(loop, on: reactor)
        let events = EventHub()
        let recorder = Recorder(gate: gate, store: store)
        let settings = SettingsControl(
            book: book, unkept: expired, store: store, shared: shared, gate: gate, events: events, logger: logger)
        let backend = LiveAdminBackend(
            gate: gate, recorder: recorder, settings: settings, store: store, shared: shared, events: events,
            configured: configured, process: process, accessLog: accessLog, logger: logger)
        guard !configuration.admin.listen.isEmpty else {
            return ControlPlane(
                backend: backend, recorder: recorder, settings: settings, store: store, events: events, server: nil,
                files: files, address: nil)
        }
        files.makeStateDirectory()
        let server = try makeServer(backend, environment)
        let bound = try Self.wait { () throws -> [String] in
            try await server.start()
            return await server.addresses
        }
        backend.adminListeners.withLock { $0 = bound }
        for place in bound { Self.place(place).map { loop.noteOwnListener($0.address, port: $0.port) } }
        let address = bound.first.map { $0.hasPrefix("unix:") ? $0 : "http://\($0)" }
        if let address { files.write(address: address) }
        return ControlPlane(
            backend: backend, recorder: recorder, settings: settings, store: store, events: events, server: server,
            files: files, address: address)
    }

    private func makeServer(_ backend: LiveAdminBackend, _ environment: [String: String]) throws -> AdminServer {
        let admin = configuration.admin
        var token: AdminToken?
        if let path = configuration.adminTokenPath(environment: environment) {
            token = try AdminToken.load(path)
        } else {
            logger.warning("no place for admin.token_file: changes need a Unix socket")
        }
        let listeners = admin.listen.map { address -> AdminListener in
            switch address {
            case .tcp(let ip, let port): .tcp(host: ip.description, port: port)
            case .unix(let path): .unix(path: path, mode: UInt32(admin.socketMode.bits))
            }
        }
        return AdminServer(
            backend: backend, listeners: listeners, token: token, allowedHosts: admin.allowHosts.map(\.description),
            logger: logger)
    }

    private static func place(_ text: String) -> (address: IPAddress, port: UInt16)? {
        guard case .tcp(let address, let port)? = try? ListenAddress(parsing: text) else { return nil }
        return (address, port)
    }

    /// The reactor's thread has nothing else to do yet.
    private static func wait<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex<Result<Value, any Error>?>(nil)
        let task = Task { try await work() }
        Task {
            let result = await task.result
            outcome.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = outcome.withLock({ $0 }) else { throw CancellationError() }
        return try result.get()
    }
}
