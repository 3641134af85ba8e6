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

/// Serves the admin API from the running daemon: asks the recorder, the book of settings, the store and the data loop, and
/// says what it found in the API's words. Shared.
final class LiveAdminBackend: AdminBackend {
    let gate: LoopGate
    let recorder: Recorder
    let settings: SettingsControl
    let pauses: PauseControl
    let store: Store
    let shared: SharedLayers
    let events: EventHub
    let configured: ConfigurationState
    let process: ProcessState
    let accessLog: AccessLog
    let losses: LineLosses
    let passed: PassedSockets
    let unopened: UnopenedListeners
    let service: ServiceLink
    let logger: Logger
    /// One reload at a time, from reading the file on.
    let reloads = SerialGate()
    /// One backup at a time is made: each takes the room of a database.
    let backups = SerialGate()
    /// Where it is served itself; known once it is.
    let place = Mutex<AdminPlace?>(nil)

    init(
        gate: LoopGate, recorder: Recorder, settings: SettingsControl, pauses: PauseControl, store: Store,
        shared: SharedLayers,
        events: EventHub, configured: ConfigurationState, process: ProcessState, accessLog: AccessLog,
        losses: LineLosses, passed: PassedSockets, unopened: UnopenedListeners, service: ServiceLink, logger: Logger
    ) {
        self.gate = gate
        self.recorder = recorder
        self.settings = settings
        self.pauses = pauses
        self.store = store
        self.shared = shared
        self.events = events
        self.configured = configured
        self.process = process
        self.accessLog = accessLog
        self.losses = losses
        self.passed = passed
        self.unopened = unopened
        self.service = service
        self.logger = logger
    }

    func origin(named name: String) throws(AdminRefusal) -> Origin {
        guard let origin = Origin(name) else {
            throw .notFound(
                "`\(name)` is no origin: it must be scheme://host or scheme://host:port; /v1/origins lists those known")
        }
        return origin
    }

    /// An origin to narrow a list to: a name that is none is the caller's mistake.
    func narrowed(to name: String?) throws(AdminRefusal) -> Origin? {
        guard let name else { return nil }
        guard let origin = Origin(name) else {
            let text = "must be scheme://host or scheme://host:port"
            throw .invalid("the query is not right", [FieldProblem(pointer: "?origin", detail: text)])
        }
        return origin
    }

    /// A change keeps its trail: what is done is done even if the trail cannot be written, and the log says so.
    func leaveTrail(_ entry: AuditEntry) async {
        events.send("action", origin: entry.subject, "\(entry.action.rawValue) by \(entry.actor)")
        logger.info(
            "action",
            metadata: [
                "action": "\(entry.action.rawValue)", Texts.subjectKey(entry.subject): "\(entry.subject)",
                "actor": "\(entry.actor)", "reason": "\(entry.reason ?? "")",
            ])
        do {
            try await settings.audit(entry)
        } catch {
            logger.warning("an action is missing in the audit trail", metadata: ["reason": "\(error)"])
        }
    }

    /// Of a database that could not be read at the start, or was replaced.
    func holdLatePauses() async {
        let late = await pauses.load(store.loadPauses())
        guard !late.isEmpty else { return }
        await gate.run { loop in
            for pause in late { loop.upstream.pool(for: pause.origin).pause(now: loop.upstream.now) }
        }
        PauseControl.tell(late, logger)
    }

    static func checked(reason: String?) throws(AdminRefusal) -> String? {
        guard let reason, !reason.isEmpty else { return nil }
        guard reason.utf8.count <= SettingBook.maxReasonBytes else {
            let text = "must be at most \(SettingBook.maxReasonBytes) bytes"
            throw .invalid("the reason is too long", [FieldProblem(pointer: "/reason", detail: text)])
        }
        return reason
    }
}
