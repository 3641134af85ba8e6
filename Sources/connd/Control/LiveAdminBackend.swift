import AdminAPI
import AdminModels
import ConfigurationFile
import ForwardProxy
import Logging
import Metering
import ProxyTypes
import Store
import Synchronization
import Tuning
import Upstream

/// Serves the admin API from the running daemon: asks recorder, overrides, store and data loop, and answers in the
/// API's terms. Shared.
final class LiveAdminBackend: AdminBackend {
    let mailbox: LoopMailbox
    let recorder: Recorder
    let settings: SettingsControl
    let pauses: PauseControl
    let gatewayControl: GatewayControl
    let authorityControl: AuthorityControl
    let portWatch: PortWatch
    let programWatch: ProgramWatch
    let kernelWatch: KernelWatch
    let adviceControl: AdviceControl
    let store: Store
    let shared: SharedLayers
    let events: EventHub
    let configured: ConfigurationState
    let process: ProcessState
    let accessLog: AccessLog
    let losses: DroppedLines
    let passed: PassedSockets
    let unopened: UnopenedListeners
    let hostCheck: HostCheck
    let service: ServiceLink
    let logger: Logger
    var refusalControl: RefusalControl { RefusalControl(mailbox: mailbox, store: store) }
    /// Serialises reloads.
    let reloads = AsyncMutex()
    /// Serialises backups, as each needs the disk space of a database.
    let backups = AsyncMutex()
    /// Where the API itself listens; nil until it does.
    let endpoint = Mutex<AdminEndpoint?>(nil)

    init(
        mailbox: LoopMailbox, recorder: Recorder, settings: SettingsControl, pauses: PauseControl,
        gateways: GatewayControl, authorities: AuthorityControl, ports: PortWatch,
        programs: ProgramWatch, store: Store, shared: SharedLayers,
        events: EventHub, configured: ConfigurationState, process: ProcessState, accessLog: AccessLog,
        losses: DroppedLines, passed: PassedSockets, unopened: UnopenedListeners, hostCheck: HostCheck,
        service: ServiceLink, logger: Logger
    ) {
        self.mailbox = mailbox
        self.recorder = recorder
        self.settings = settings
        self.pauses = pauses
        gatewayControl = gateways
        authorityControl = authorities
        portWatch = ports
        programWatch = programs
        kernelWatch = KernelWatch(mailbox: mailbox)
        adviceControl = AdviceControl(
            mailbox: mailbox, recorder: recorder, settings: settings, store: store, shared: shared,
            hostCheck: hostCheck, ports: ports, events: events, logger: logger)
        self.store = store
        self.shared = shared
        self.events = events
        self.configured = configured
        self.process = process
        self.accessLog = accessLog
        self.losses = losses
        self.passed = passed
        self.unopened = unopened
        self.hostCheck = hostCheck
        self.service = service
        self.logger = logger
    }

    func origin(named name: String) throws(AdminRefusal) -> Origin {
        guard let origin = Origin(name) else {
            throw .notFound(
                "`\(name)` is not an origin: write scheme://host or scheme://host:port; /v1/origins lists those known"
            )
        }
        return origin
    }

    /// The origin by which a list is filtered; throws where the name is no origin.
    func narrowed(to name: String?) throws(AdminRefusal) -> Origin? {
        guard let name else { return nil }
        guard let origin = Origin(name) else {
            let text = "must be scheme://host or scheme://host:port"
            throw .invalid("the query is invalid", [FieldProblem(pointer: "?origin", detail: text)])
        }
        return origin
    }

    /// Publishes and logs an action, and adds it to the audit trail. A failure is only logged: the action is done.
    func writeAudit(_ entry: AuditEntry) async {
        events.send("action", origin: entry.subject, "\(entry.action.rawValue) by \(entry.actor)")
        logger.info(
            "action",
            metadata: [
                "action": "\(entry.action.rawValue)", APIFormat.subjectKey(entry.subject): "\(entry.subject)",
                "actor": "\(entry.actor)", "reason": "\(entry.reason ?? "")",
            ])
        do {
            try await settings.audit(entry)
        } catch {
            logger.warning("an action could not be added to the audit trail", metadata: ["reason": "\(error)"])
        }
    }

    /// Pauses the origins that a database names which could not be read at the start, or was replaced.
    func applyLatePauses() async {
        let late = await pauses.load(store.loadPauses())
        guard !late.isEmpty else { return }
        await mailbox.run { loop in
            for pause in late { loop.upstream.pool(for: pause.origin).pause(now: loop.upstream.now) }
        }
        PauseControl.report(late, logger)
    }

    static func checked(reason: String?) throws(AdminRefusal) -> String? {
        guard let reason, !reason.isEmpty else { return nil }
        guard reason.utf8.count <= SettingOverrides.maxReasonBytes else {
            let text = "must be at most \(SettingOverrides.maxReasonBytes) bytes"
            throw .invalid("the reason is too long", [FieldProblem(pointer: "/reason", detail: text)])
        }
        return reason
    }
}
