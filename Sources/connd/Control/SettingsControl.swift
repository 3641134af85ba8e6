import AdminAPI
import AdminModels
import ForwardProxy
import Logging
import ProxyTypes
import Reactor
import Store
import Tuning
import Upstream

/// Owns the overrides: makes each change durable, then applies it to the running pools, then answers. An actor; one
/// change at a time.
actor SettingsControl {
    private(set) var overrides: SettingOverrides
    private let store: Store
    private let shared: SharedLayers
    private let mailbox: LoopMailbox
    private let events: EventHub
    private let logger: Logger
    private let serial = AsyncMutex()
    /// Removals of expired trials, which have ended already, and audit entries that could not be stored yet.
    private var unsaved: SettingChange

    init(
        overrides: SettingOverrides, unsaved: SettingChange, store: Store, shared: SharedLayers, mailbox: LoopMailbox,
        events: EventHub, logger: Logger
    ) {
        self.overrides = overrides
        self.unsaved = unsaved
        self.store = store
        self.shared = shared
        self.mailbox = mailbox
        self.events = events
        self.logger = logger
    }

    /// A change with the overrides before and after it. Value.
    struct Outcome: Sendable {
        let change: SettingChange
        let before: SettingOverrides
        let after: SettingOverrides
    }

    /// Computes a change from the current overrides, stores and applies it. Refused where the revision is not
    /// `ifRevision`. `gateways`: stored with it, in one transaction; to be applied by the caller.
    func change(
        ifRevision: UInt64? = nil, with gateways: GatewayChange = GatewayChange(),
        _ make: @Sendable (SettingOverrides) throws -> SettingChange
    ) async throws -> Outcome {
        await serial.enter()
        do {
            if let ifRevision, ifRevision != overrides.revision {
                throw AdminRefusal.stale("the settings have changed in the meantime: read them again")
            }
            let before = overrides
            let change = try make(before)
            if !change.isEmpty || !gateways.isEmpty { try await store.commit(change, gateways) }
            if !change.isEmpty { await apply(change) }
            let outcome = Outcome(change: change, before: before, after: overrides)
            await serial.leave()
            return outcome
        } catch {
            await serial.leave()
            throw error
        }
    }

    /// Adds an audit entry of something that changes no setting; written later where the database fails.
    func audit(_ entry: AuditEntry) async throws {
        var change = SettingChange()
        change.audit = [entry]
        do {
            try await store.commit(change)
        } catch {
            if unsaved.audit.count < Self.maxUnsavedAudit { unsaved.audit.append(entry) }
            throw error
        }
    }

    /// Ends expired trials, even while the database fails; their removal is stored when possible.
    func expireTrials(now: Moment) async {
        guard let next = overrides.nextExpiry ?? (unsaved.isEmpty ? nil : .distantFuture) else { return }
        if overrides.followingClock(now).isEmpty, next > now.instant, unsaved.isEmpty { return }
        await serial.enter()
        let moved = overrides.followingClock(now)
        // Otherwise retried the next time.
        if !moved.isEmpty, (try? await store.commit(moved)) != nil { overrides.apply(moved) }
        var change = overrides.expire(now: now)
        if !change.isEmpty { await apply(change) }
        change.removals = unsaved.removals.filter { overrides.row($0) == nil } + change.removals
        change.audit = unsaved.audit + change.audit
        unsaved = SettingChange()
        do {
            try await store.commit(change)
        } catch {
            unsaved.removals = change.removals + unsaved.removals
            unsaved.audit = Array((change.audit + unsaved.audit).suffix(Self.maxUnsavedAudit))
        }
        await serial.leave()
    }

    /// To be called after the database was read again: its rows replace all others. They are fetched here, between two
    /// changes, as one may have been stored after it was read.
    func load() async {
        await serial.enter()
        let rows = store.loadSettings()
        let stored = Set(rows.map(\.key))
        var change = SettingChange()
        change.puts = rows.filter { overrides.row($0.key) != $0 }
        change.ends = SettingOverrides.ends(of: change.puts, now: SystemClock.now())
        change.removals = overrides.exportRows().map(\.key).filter { !stored.contains($0) }
        // Trials that the database does not have, or that another connd has ended.
        unsaved.removals = []
        unsaved.audit.removeAll { $0.action == .trialExpired }
        if !change.isEmpty { await apply(change) }
        await serial.leave()
    }

    /// Applies a new file.
    func reload(_ layers: SettingLayers, actor: String) async -> ReloadReport {
        await serial.enter()
        let report = overrides.reload(file: layers)
        overrides.apply(report)
        await applyLayers(to: report.affectedOrigins)
        // The file itself is durable.
        try? await audit(
            AuditEntry(time: SystemClock.wall(), actor: actor, action: .reload, subject: AuditEntry.everything))
        await serial.leave()
        return report
    }

    private func apply(_ change: SettingChange) async {
        overrides.apply(change)
        for entry in change.audit {
            let name = entry.setting?.name ?? ""
            let subject = entry.subject
            logger.log(
                level: entry.turnsOffVerification ? .warning : .info,
                "setting changed",
                metadata: [
                    "action": "\(entry.action.rawValue)", APIFormat.subjectKey(subject): "\(subject)",
                    "setting": "\(name)",
                    "before": "\(entry.before ?? "-")", "after": "\(entry.after ?? "-")", "actor": "\(entry.actor)",
                ])
            guard change.audit.count <= Self.eventsAtOnce else { continue }
            let text =
                "\(entry.action.rawValue) \(name): \(entry.before ?? "-") -> \(entry.after ?? "-") by \(entry.actor)"
            events.send("setting", origin: subject, text)
        }
        if change.audit.count > Self.eventsAtOnce {
            events.send("setting", "\(change.audit.count) settings by \(change.audit.first?.actor ?? "connd")")
        }
        await applyLayers(to: change.affectedOrigins)
    }

    /// New pools use the new layers; existing ones are updated.
    private func applyLayers(to affected: AffectedOrigins) async {
        let layers = overrides.layers
        shared.replace(with: layers)
        guard !affected.isEmpty else { return }
        let origins = await mailbox.run { $0.upstream.origins }
        let settings = origins.filter(affected.contains).map { ($0, shared.effective(for: $0)) }
        // In portions, so that requests are served in between.
        var start = 0
        while start < settings.count {
            let part = Array(settings[start..<min(start + Self.appliedAtOnce, settings.count)])
            await mailbox.run { $0.upstream.apply(part) }
            start += Self.appliedAtOnce
        }
        // `tls` decides which pool serves an origin.
        await mailbox.run { $0.forgetRoutes() }
    }

    private static let appliedAtOnce = 64
    /// Audit entries that wait for the database at most.
    private static let maxUnsavedAudit = 1000
    /// A change of more settings (an import) is reported in one event.
    private static let eventsAtOnce = 50
}
