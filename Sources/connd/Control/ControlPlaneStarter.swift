import AdminAPI
import AuthorityFiles
import ConfigurationFile
import Dispatch
import ForwardProxy
import Foundation
import LocalCA
import Logging
import ProxyTypes
import Reactor
import Store
import Synchronization
import Tuning
import Upstream

/// Assembles the control plane and starts the admin API. Value, used once.
struct ControlPlaneStarter {
    let loaded: LoadedConfiguration
    let store: Store
    let shared: SharedLayers
    let authorities: OpenedAuthorities
    let overrides: SettingOverrides
    let expired: SettingChange
    let configured: ConfigurationState
    let process: ProcessState
    let logger: Logger
    let accessLog: ForwardProxy.AccessLog
    let losses: DroppedLines
    let passed: PassedSockets
    let unopened: UnopenedListeners
    let hostCheck: HostCheck
    let programs: ClientPrograms
    let service: ServiceLink

    /// To be called on the thread that will run the reactor, before it does.
    func start(_ loop: ProxyLoop, on reactor: Reactor) throws -> ControlPlane {
        let environment = ProcessInfo.processInfo.environment
        let files = AdminFiles(stateDirectory: Configuration.stateDirectory(environment: environment))
        let mailbox = LoopMailbox(loop, on: reactor)
        let events = EventHub()
        let recorder = Recorder(mailbox: mailbox, store: store)
        let settings = SettingsControl(
            overrides: overrides, unsaved: expired, store: store, shared: shared, mailbox: mailbox, events: events,
            logger: logger)
        let pauses = PauseControl(held: applyPauses(in: loop), store: store, logger: logger)
        let gateways = openGateways(in: loop, mailbox, events)
        let backend = LiveAdminBackend(
            mailbox: mailbox, recorder: recorder, settings: settings, pauses: pauses, gateways: gateways,
            authorities: AuthorityControl(
                authorities, settings: settings, mailbox: mailbox, events: events, logger: logger),
            ports: PortWatch(mailbox: mailbox, events: events, logger: logger),
            programs: ProgramWatch(mailbox: mailbox, programs: programs), store: store, shared: shared,
            events: events, configured: configured, process: process, accessLog: accessLog, losses: losses,
            passed: passed, unopened: unopened, hostCheck: hostCheck, service: service, logger: logger)
        let listeners = Reconfiguration.adminListeners(loaded, passed)
        if !listeners.isEmpty { files.makeStateDirectory() }
        let server = AdminServer(
            backend: backend, listeners: listeners, token: try token(environment, isNeeded: !listeners.isEmpty),
            allowedHosts: loaded.configuration.admin.allowHosts.map(\.description), logger: logger,
            wallClock: SystemClock.wall)
        let endpoint = AdminEndpoint(server: server, files: files, mailbox: mailbox)
        backend.endpoint.withLock { $0 = endpoint }
        AdminEndpoint.refuseRequests(to: try Self.wait { try await endpoint.start() }, in: loop)
        return ControlPlane(
            backend: backend, recorder: recorder, settings: settings, store: store, events: events,
            endpoint: endpoint, service: service, logger: logger)
    }

    private func openGateways(in loop: ProxyLoop, _ mailbox: LoopMailbox, _ events: EventHub) -> GatewayControl {
        // Random, so that no entity tag of an earlier process is used again.
        let table = GatewayTable(
            file: loaded.gateways, rows: store.loadGateways(), revision: .random(in: 1 << 40...1 << 50))
        return GatewayControl(
            table, unopened: GatewayListeners.start(table, in: loop, logger), store: store, mailbox: mailbox,
            configured: configured, events: events, logger: logger)
    }

    /// Pauses and what was learned apply before the first request.
    private func applyPauses(in loop: ProxyLoop) -> [Origin: Pause] {
        loop.upstream.restoreLearning(store.loadLearned())
        let held = store.loadPauses()
        for origin in held.keys { loop.upstream.pool(for: origin).pause(now: loop.upstream.now) }
        PauseControl.report(Array(held.values), logger)
        return held
    }

    private func token(_ environment: [String: String], isNeeded: Bool) throws -> AdminToken? {
        guard isNeeded else { return nil }
        if let path = loaded.configuration.adminTokenPath(environment: environment) { return try AdminToken.load(path) }
        logger.warning("no state directory for the admin token: changes are possible over a Unix socket only")
        return nil
    }

    /// Blocks the reactor's thread, which is allowed as the loop is not running yet.
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
