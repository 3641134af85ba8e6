import AdminAPI
import AdminModels
import ConfigurationFile
import ForwardProxy
import Logging
import Metering
import ProxyTypes
import Reactor
import Store
import Synchronization
import Tuning
import Upstream

/// Everything beside the data path: statistics, settings, database, admin API. Runs on its own threads; the data loop
/// never waits for it. Shared.
final class ControlPlane: Sendable {
    let backend: LiveAdminBackend
    private let recorder: Recorder
    private let settings: SettingsControl
    private let store: Store
    private let events: EventHub
    private let endpoint: AdminEndpoint
    private let service: ServiceLink
    private let logger: Logger
    private let work = Mutex<[Task<Void, Never>]>([])

    private static let recordingInterval = Duration.milliseconds(2500)
    private static let maxReportedChanges = 5
    private static let authorityInterval = Duration.seconds(30)
    private static let trialInterval = Duration.milliseconds(200)

    init(
        backend: LiveAdminBackend, recorder: Recorder, settings: SettingsControl, store: Store, events: EventHub,
        endpoint: AdminEndpoint, service: ServiceLink, logger: Logger
    ) {
        self.backend = backend
        self.recorder = recorder
        self.settings = settings
        self.store = store
        self.events = events
        self.endpoint = endpoint
        self.service = service
        self.logger = logger
    }

    /// Starts recording, storing, and expiring trials.
    func start() {
        let (recorder, settings, store) = (recorder, settings, store)
        let (service, logger, events, pauseControl) = (service, logger, events, backend.pauses)
        let refusals = backend.refusalControl
        let (authorities, ports, programs) = (backend.authorityControl, backend.portWatch, backend.programWatch)
        let (kernel, advice) = (backend.kernelWatch, backend.adviceControl)
        let tasks = [
            Task {
                var reportedPauses = 0
                await refusals.load()
                while !Task.isCancelled {
                    if service.isEnabled { service.update(await recorder.serviceSummary(now: SystemClock.instant())) }
                    try? await Task.sleep(for: Self.recordingInterval)
                    let changes = await recorder.record()
                    for change in changes.prefix(Self.maxReportedChanges) { Self.report(change, logger, events) }
                    for refused in await recorder.takeRefusedSettings() { Self.report(refused, logger, events) }
                    for drop in await recorder.takePathDrops() { Self.report(drop, logger, events) }
                    for change in await recorder.takeLearnedChanges() { Self.report(change, logger, events) }
                    if changes.count > Self.maxReportedChanges {
                        logger.warning(
                            "more origins became unreachable, or reachable again",
                            metadata: ["count": "\(changes.count - Self.maxReportedChanges)"])
                    }
                    let total = await recorder.metrics.acceptPauses
                    if total > reportedPauses { Self.reportAcceptPauses(total - reportedPauses, logger) }
                    reportedPauses = total
                    await store.tick()
                    try? await pauseControl.save()
                    await refusals.save()
                }
            },
            Task {
                while !Task.isCancelled {
                    await settings.expireTrials(now: SystemClock.now())
                    try? await Task.sleep(for: Self.trialInterval)
                }
            },
            Task { await ports.run() },
            Task { await programs.run() },
            Task { await kernel.run() },
            Task { await advice.run() },
            Task {
                while !Task.isCancelled {
                    await authorities.upkeep()
                    try? await Task.sleep(for: Self.authorityInterval)
                }
            },
        ]
        work.withLock { $0 = tasks }
    }

    /// Dials origins that were busy before the start (`WarmStart`), in the background.
    func warmUp(_ settings: Configuration.WarmStart) {
        let start = WarmStart(store: store, mailbox: backend.mailbox, settings: settings, logger: logger)
        let task = Task { await start.run() }
        work.withLock { $0.append(task) }
    }

    /// Returns when `work` has ended or `limit` has passed. Work that takes longer continues in the background.
    private static func wait(atMost limit: Duration, for work: @escaping @Sendable () async -> Void) async {
        let isOver = Mutex(false)
        await withCheckedContinuation { continuation in
            let end: @Sendable () -> Void = {
                let isFirst = isOver.withLock { over in
                    defer { over = true }
                    return !over
                }
                if isFirst { continuation.resume() }
            }
            Task {
                await work()
                end()
            }
            Task {
                try? await Task.sleep(for: limit)
                end()
            }
        }
    }

    func received(_ event: StoreEvent, logger: Logger) {
        switch event {
        case .failing(let failure):
            logger.error("the database fails; requests are still served", metadata: ["reason": "\(failure)"])
            events.send("store", "failing: \(failure)")
        case .recovered(let milliseconds):
            let length = APIFormat.duration(milliseconds: milliseconds)
            logger.notice("the database can be written again", metadata: ["after": "\(length)"])
            events.send("store", "can be written again after \(length)")
        case .recreated(let path):
            logger.warning("the database was missing and has been created again", metadata: ["path": "\(path)"])
            events.send("store", "missing, created again: \(path)")
            Task { [backend] in
                await backend.refusalControl.storeAgain()
                await backend.adviceControl.storeAgain()
            }
        case .restored(let path):
            logger.warning(
                "the database was replaced by another: its settings now apply, totals continue from their values",
                metadata: ["path": "\(path)"])
            events.send("store", "replaced by another database, whose settings now apply: \(path)")
        case .movedAside(let path):
            logger.error("the damaged database was moved aside", metadata: ["to": "\(path)"])
            events.send("store", "damaged, moved aside: \(path)")
        case .dropping(let rows):
            logger.warning("measurements are being dropped", metadata: ["rows": "\(rows.total)"])
            events.send("store", "measurements are being dropped")
        case .unreadableSetting(let text):
            logger.warning("a stored setting cannot be applied", metadata: ["setting": "\(text)"])
        case .settingsLoaded(let rows):
            logger.notice("the settings in the database now apply", metadata: ["rows": "\(rows.count)"])
            Task { [backend] in
                await settings.load()
                await backend.gatewayControl.load()
                await backend.applyLatePauses()
                await backend.refusalControl.load()
                await backend.refusalControl.storeAgain()
                await backend.adviceControl.load()
            }
        }
    }

    private static func reportAcceptPauses(_ count: Int, _ logger: Logger) {
        logger.warning(
            "clients had to wait to be accepted: max_client_connections were busy, or no file descriptor was free",
            metadata: ["times": "\(count)"])
    }

    private static func report(_ change: ReachabilityChange, _ logger: Logger, _ events: EventHub) {
        let origin = change.origin.description
        if change.isReachable {
            logger.notice("the origin can be reached again", metadata: ["origin": "\(origin)"])
            events.send("origin", origin: origin, "can be reached again")
        } else {
            logger.warning(
                "the origin cannot be reached",
                metadata: ["origin": "\(origin)", "failures": "\(change.failures)"])
            events.send("origin", origin: origin, "cannot be reached: \(change.failures) dials failed in a row")
        }
    }

    private static func report(_ refused: RefusedSetting, _ logger: Logger, _ events: EventHub) {
        let origin = refused.origin.description
        logger.warning(
            "the kernel refused a setting of an origin",
            metadata: ["origin": "\(origin)", "setting": "\(refused.setting.name)", "reason": "\(refused.reason)"])
        events.send("origin", origin: origin, "\(refused.setting.name): \(refused.reason)")
    }

    private static func report(_ drop: PathDrop, _ logger: Logger, _ events: EventHub) {
        let origin = drop.origin.description
        let silence = APIFormat.duration(milliseconds: drop.silence.wholeMilliseconds)
        logger.warning(
            "the path to an origin carried nothing on a connection that had been silent",
            metadata: ["origin": "\(origin)", "connection": "\(drop.connection)", "silence": "\(silence)"])
        events.send(
            "origin", origin: origin, "its path dropped connection \(drop.connection) after \(silence) of silence")
    }

    private static func report(_ change: LearnedChange, _ logger: Logger, _ events: EventHub) {
        let origin = change.origin.description
        func text(_ bound: Interval?) -> String {
            bound.map { APIFormat.duration(milliseconds: $0.wholeMilliseconds) } ?? "not learned"
        }
        logger.info(
            "idle connections to an origin are closed at another age, as learned",
            metadata: [
                "origin": "\(origin)", "before": "\(text(change.before))", "after": "\(text(change.after))",
                "evidence": "\(change.evidence)",
            ])
        let now = change.after.map { "for at most \(text($0))" } ?? "as the settings say"
        events.send("origin", origin: origin, "idle connections are kept \(now): \(change.evidence)")
    }

    /// On SIGHUP.
    func reload(logger: Logger) {
        Task { [backend] in
            do throws(AdminRefusal) {
                _ = try await backend.reload(actor: AdminActor(name: "SIGHUP"))
            } catch {
                logger.error("not reloaded", metadata: ["reason": "\(error.problem)"])
            }
        }
    }

    /// To be called while the data loop still runs, so that open requests are answered and the last statistics stored.
    func stop() async {
        for task in work.withLock({ $0 }) { task.cancel() }
        endpoint.removeFile()
        events.close()
        // A hanging disk must not prevent connd from ending.
        let (endpoint, recorder) = (endpoint, recorder)
        await Self.wait(atMost: .seconds(4)) { await endpoint.stop() }
        let refusals = backend.refusalControl
        await Self.wait(atMost: .seconds(2)) {
            _ = await recorder.record()
            await refusals.save()
        }
        store.endRun()
        await store.close()
    }
}
