import AdminAPI
import AdminModels
import ForwardProxy
import Logging
import ProxyTypes
import Reactor
import Store
import Tuning
import Upstream

/// Owns the book of settings: makes each change durable, then has it hold in the running pools, then answers. An actor; one
/// change at a time.
actor SettingsControl {
    private(set) var book: SettingBook
    private let store: Store
    private let shared: SharedLayers
    private let gate: LoopGate
    private let events: EventHub
    private let logger: Logger
    private let serial = SerialGate()
    /// Ends of trials that could not be kept yet; they hold all the same.
    private var unkept: SettingChange

    init(
        book: SettingBook, unkept: SettingChange, store: Store, shared: SharedLayers, gate: LoopGate,
        events: EventHub, logger: Logger
    ) {
        self.book = book
        self.unkept = unkept
        self.store = store
        self.shared = shared
        self.gate = gate
        self.events = events
        self.logger = logger
    }

    /// A change with the book that it was made from and the one that it made, whatever others change meanwhile. Value.
    struct Outcome: Sendable {
        let change: SettingChange
        let before: SettingBook
        let after: SettingBook
    }

    /// Works out a change from the book as it stands, keeps it and has it hold. `ifRevision`: refused when it is another.
    func change(
        ifRevision: UInt64? = nil, _ make: @Sendable (SettingBook) throws -> SettingChange
    ) async throws -> Outcome {
        await serial.enter()
        do {
            if let ifRevision, ifRevision != book.revision {
                throw AdminRefusal.stale("the settings were changed meanwhile: read them again")
            }
            let before = book
            let change = try make(before)
            if !change.isEmpty {
                try await store.commit(change)
                await apply(change)
            }
            let outcome = Outcome(change: change, before: before, after: book)
            await serial.leave()
            return outcome
        } catch {
            await serial.leave()
            throw error
        }
    }

    /// An entry for the trail of something that changes no setting. What cannot be written now is when it can be.
    func audit(_ entry: AuditEntry) async throws {
        var change = SettingChange()
        change.audit = [entry]
        do {
            try await store.commit(change)
        } catch {
            if unkept.audit.count < Self.keptAudit { unkept.audit.append(entry) }
            throw error
        }
    }

    /// Ends the trials that have run out. They end even while the database fails; that is kept when it can be.
    func expireTrials(now: Moment) async {
        guard let next = book.nextExpiry ?? (unkept.isEmpty ? nil : .distantFuture) else { return }
        if book.followingClock(now).isEmpty, next > now.instant, unkept.isEmpty { return }
        await serial.enter()
        let moved = book.followingClock(now)
        // Else it is tried again at the next look.
        if !moved.isEmpty, (try? await store.commit(moved)) != nil { book.apply(moved) }
        var change = book.expire(now: now)
        if !change.isEmpty { await apply(change) }
        change.removals = unkept.removals.filter { book.row($0) == nil } + change.removals
        change.audit = unkept.audit + change.audit
        unkept = SettingChange()
        do {
            try await store.commit(change)
        } catch {
            unkept.removals = change.removals + unkept.removals
            unkept.audit = Array((change.audit + unkept.audit).suffix(Self.keptAudit))
        }
        await serial.leave()
    }

    /// The database was read anew: what it holds now is in force, and nothing else. Asked for here, between two changes,
    /// since one may have come after it was read.
    func load() async {
        await serial.enter()
        let rows = store.loadSettings()
        let kept = Set(rows.map(\.key))
        var change = SettingChange()
        change.puts = rows.filter { book.row($0.key) != $0 }
        change.ends = SettingBook.ends(of: change.puts, now: SystemClock.now())
        change.removals = book.exportRows().map(\.key).filter { !kept.contains($0) }
        // Of trials that the file does not know, or that another connd has ended in it.
        unkept.removals = []
        unkept.audit.removeAll { $0.action == .trialExpired }
        if !change.isEmpty { await apply(change) }
        await serial.leave()
    }

    /// A new file: applied when it has been read whole.
    func reload(_ layers: SettingLayers, actor: String) async -> ReloadReport {
        await serial.enter()
        let report = book.reload(file: layers)
        book.apply(report)
        await hold(in: report.scope)
        // The file is what is durable.
        try? await audit(
            AuditEntry(time: SystemClock.wall(), actor: actor, action: .reload, subject: AuditEntry.everything))
        await serial.leave()
        return report
    }

    private func apply(_ change: SettingChange) async {
        book.apply(change)
        for entry in change.audit {
            let name = entry.setting?.name ?? ""
            let subject = entry.subject
            logger.info(
                "setting changed",
                metadata: [
                    "action": "\(entry.action.rawValue)", Texts.subjectKey(subject): "\(subject)", "setting": "\(name)",
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
        await hold(in: change.scope)
    }

    /// Pools that are made from now on ask for the new layers; those that are there are told.
    private func hold(in scope: PatternScope) async {
        let layers = book.layers
        shared.replace(with: layers)
        guard !scope.isEmpty else { return }
        let origins = await gate.run { $0.upstream.origins }
        let concerned = origins.filter(scope.contains)
        let settings = concerned.map { ($0, layers.effective(for: $0)) }
        // Some at a time, so that requests go on between.
        var start = 0
        while start < settings.count {
            let part = Array(settings[start..<min(start + Self.appliedAtOnce, settings.count)])
            await gate.run { $0.upstream.apply(part) }
            start += Self.appliedAtOnce
        }
    }

    private static let appliedAtOnce = 64
    /// Entries of the trail that wait for the database.
    private static let keptAudit = 1000
    /// What changes more (an import) is told in one event.
    private static let eventsAtOnce = 50
}
