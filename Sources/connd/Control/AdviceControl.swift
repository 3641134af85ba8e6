import AdminAPI
import AdminModels
import Advising
import ForwardProxy
import Logging
import Metering
import ProxyTypes
import Reactor
import Store
import Tuning
import Upstream

/// Looks at what was counted of each origin now and then, keeps the advice that follows, tries what is accepted and measures
/// what comes of it. An actor; asks the loop only for what was learned of the origins that are looked at.
actor AdviceControl {
    private let mailbox: LoopMailbox
    private let recorder: Recorder
    private let settings: SettingsControl
    private let store: Store
    private let shared: SharedLayers
    private let hostCheck: HostCheck
    private let ports: PortWatch
    private let events: EventHub
    let logger: Logger
    private let serial = AsyncMutex()
    var book = AdviceBook()
    private var stretches = AdviceStretches(now: SystemClock.instant())
    /// The traffic of running trials since they began, or since connd did.
    var trials: [AdviceID: AdviceStretch] = [:]
    /// The database was replaced: it does not have what it had.
    private var replacesAll = false

    private static let pause = Duration.seconds(60)
    /// Origins whose learning is asked of the loop at once.
    private static let askedAtOnce = 32
    /// A look takes no longer; the others come next time.
    private static let longestLook = Interval.milliseconds(500)
    /// The setting's own end, if connd does not judge its trial in time.
    private static let trialLength = TrialRules.longest + .minutes(30)

    init(
        mailbox: LoopMailbox, recorder: Recorder, settings: SettingsControl, store: Store, shared: SharedLayers,
        hostCheck: HostCheck, ports: PortWatch, events: EventHub, logger: Logger
    ) {
        self.mailbox = mailbox
        self.recorder = recorder
        self.settings = settings
        self.store = store
        self.shared = shared
        self.hostCheck = hostCheck
        self.ports = ports
        self.events = events
        self.logger = logger
    }

    /// Until its task is cancelled.
    func run() async {
        await load()
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.pause)
            if Task.isCancelled { return }
            _ = await look(isAsked: false)
        }
    }

    // MARK: Looking

    /// What a look has found. Value.
    struct Findings: Sendable {
        var origins = 0
        var new = 0
        var ended = 0
    }

    /// `isAsked`: somebody wants to know now, however short the time was.
    func look(isAsked: Bool) async -> Findings {
        await serial.enter()
        await recorder.refresh()
        let now = SystemClock.now()
        let origins = await recorder.origins
        let entries = origins.values.filter { !$0.isFromEarlierRun }
        let layers = shared.current
        let changed = stretches.look(
            entries, settings: { SettingFacts(layers.effective(for: $0), of: $0) }, now: now.instant)
        // What was found under other settings says nothing of these.
        for origin in changed { book.withdraw(from: origin) }
        var findings = Findings()
        findings.ended = await judge(origins, isAsked: isAsked, now: now)
        await advise(on: origins, isAsked: isAsked, now: now, &findings)
        for origin in Set(book.records.keys.map(\.origin)) where origins[origin] == nil {
            book.withdraw(from: origin)
        }
        book.expire(now: now.wall)
        await save()
        await serial.leave()
        return findings
    }

    private func advise(
        on origins: [Origin: OriginEntry], isAsked: Bool, now: Moment, _ findings: inout Findings
    ) async {
        // The end of a trial may just have changed them.
        let layers = shared.current
        var due = stretches.due(now: now.instant, isAsked: isAsked)[...]
        let fewPorts = await fewPorts()
        while !due.isEmpty, SystemClock.instant() - now.instant < Self.longestLook {
            let part = Array(due.prefix(Self.askedAtOnce))
            due = due.dropFirst(part.count)
            let learned = await learned(of: part)
            for origin in part {
                guard let counted = origins[origin]?.snapshot.statistics, let stretch = stretches[origin] else {
                    continue
                }
                let effective = layers.effective(for: origin)
                let inForce = SettingFacts(effective, of: origin)
                guard stretch.settings == inForce else {
                    // Seen under other settings.
                    stretches.begin(origin, counted, settings: inForce, now: now.instant)
                    book.withdraw(from: origin)
                    continue
                }
                var facts = stretch.facts(counted, learned: learned[origin], now: now.instant)
                facts.fewPorts = fewPorts[origin]
                stretches.looked(at: origin, facts, counted, now: now.instant)
                findings.origins += 1
                switch effective.advice {
                case .off: _ = book.look(at: origin, found: [], isWhole: true, now: now.wall)
                case .show: take(origin, facts, now, &findings)
                case .auto: await tryUnasked(origin, found: take(origin, facts, now, &findings))
                }
            }
        }
    }

    private func learned(of origins: [Origin]) async -> [Origin: LearnedFacts] {
        await mailbox.run { loop in
            var learned: [Origin: LearnedFacts] = [:]
            for origin in origins {
                learned[origin] = loop.upstream.learning(of: origin).map { LearnedFacts($0.learning) }
            }
            return learned
        }
    }

    /// As of the last counting.
    private func fewPorts() async -> [Origin: FewPorts] {
        guard let census = await ports.known else { return [:] }
        return census.shortages.mapValues { FewPorts(free: $0.free, usable: $0.usable) }
    }

    /// Returns the rules that advise.
    @discardableResult
    private func take(
        _ origin: Origin, _ facts: OriginFacts, _ now: Moment, _ findings: inout Findings
    ) -> Set<AdviceRule> {
        let found = AdviceRule.advice(on: facts, given: book.given(origin))
        let new = book.look(at: origin, found: found, isWhole: AdviceStretches.isWhole(facts), now: now.wall)
        for record in new {
            let text = record.advice.text
            logger.notice("advice", metadata: ["origin": "\(origin)", "advice": "\(record.id)", "text": "\(text)"])
            events.send("advice", origin: origin.description, "\(record.id.rule.rawValue): \(text)")
        }
        findings.new += new.count
        return Set(found.map(\.rule))
    }

    /// One change at a time: the others wait until it is judged.
    private func tryUnasked(_ origin: Origin, found: Set<AdviceRule>) async {
        let overrides = await settings.overrides
        let pattern = HostPattern(origin)
        let id = book.next(of: origin, found: found) { name in
            guard let setting = Setting(name: name) else { return false }
            return [SettingLayer.override, .trial].contains { layer in
                overrides.row(SettingKey(layer: layer, setting: setting, pattern: pattern)) != nil
            }
        }
        guard let id else { return }
        do throws(AdminRefusal) {
            try await begin(id, actor: "connd", reason: "advice: auto")
        } catch {
            logger.debug(
                "advice cannot be tried", metadata: ["advice": "\(id)", "reason": "\(error.problem)"])
        }
    }

    // MARK: Trials

    func accept(_ id: AdviceID, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceRecord {
        await serial.enter()
        await recorder.refresh()
        do throws(AdminRefusal) {
            try await begin(id, actor: actor.name, reason: reason)
        } catch {
            await serial.leave()
            throw error
        }
        await save()
        await serial.leave()
        return try record(id)
    }

    func dismiss(_ id: AdviceID, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceRecord {
        await serial.enter()
        let decision = AdviceDecision(actor: actor.name, reason: reason, time: SystemClock.wall())
        let result = Result { () throws(AdviceBook.Refusal) in try book.dismiss(id, decision) }
        if case .success = result { await audit(.adviceDismissed, id, actor.name, reason) }
        await save()
        await serial.leave()
        if case .failure(let refusal) = result { throw Self.refusal(id, refusal) }
        return try record(id)
    }

    func record(_ id: AdviceID) throws(AdminRefusal) -> AdviceRecord {
        guard let record = book.records[id] else { throw Self.refusal(id, .unknown) }
        return record
    }

    private func begin(_ id: AdviceID, actor: String, reason: String?) async throws(AdminRefusal) {
        let wanted: (setting: String, value: String)
        do throws(AdviceBook.Refusal) { wanted = try book.acceptance(of: id) } catch { throw Self.refusal(id, error) }
        guard let counted = await recorder.origins[id.origin]?.snapshot.statistics,
            let before = sample(of: id.origin, counted)
        else {
            throw .conflict(
                "too little traffic of `\(id.origin)` was seen since connd was started, or since a setting changed, to "
                    + "compare a trial with: try again later")
        }
        let pattern = HostPattern(id.origin)
        guard await row(of: wanted.setting, id.origin, in: .trial) == nil else {
            throw .conflict(
                "`\(wanted.setting)` of `\(id.origin)` is on trial already: confirm or revert that first")
        }
        let why = reason.map { "advice \(id.rule.rawValue): \($0)" } ?? "advice \(id.rule.rawValue)"
        let edit = SettingEdit(
            pattern: pattern, values: [(wanted.setting, .text(wanted.value))],
            reason: String(why.prefix(SettingOverrides.maxReasonBytes / 4)), tryFor: Self.trialLength)
        let hostCheck = hostCheck
        try await change { overrides throws(SettingProblems) in
            let change = try overrides.edit(edit, actor: actor, now: SystemClock.now())
            try hostCheck.check(change, of: overrides)
            return change
        }
        let now = SystemClock.now()
        book.began(
            id,
            RunningTrial(accepted: AdviceDecision(actor: actor, reason: reason, time: now.wall), before: before))
        trials[id] = stretch(of: id.origin, from: counted, now: now.instant)
        await audit(.adviceAccepted, id, actor, reason, after: wanted)
    }

    func stretch(of origin: Origin, from counted: OriginStatistics, now: Instant) -> AdviceStretch {
        let inForce = SettingFacts(shared.current.effective(for: origin), of: origin)
        return AdviceStretch(since: now, base: counted, settings: inForce, now: now)
    }

    /// Of this stretch or of the whole one before, whichever has seen more; nil where both have seen too little.
    private func sample(of origin: Origin, _ counted: OriginStatistics) -> Sample? {
        guard let stretch = stretches[origin] else { return nil }
        let current = Sample(stretch.facts(counted, learned: nil, now: SystemClock.instant()))
        let best = [current, stretch.previous].compactMap { $0 }.max { $0.requests < $1.requests }
        return best.flatMap { $0.requests >= 20 ? $0 : nil }
    }

    func row(of setting: String, _ origin: Origin, in layer: SettingLayer) async -> SettingRow? {
        guard let setting = Setting(name: setting) else { return nil }
        return await settings.overrides.row(
            SettingKey(layer: layer, setting: setting, pattern: HostPattern(origin)))
    }

    /// What somebody has set since the trial began.
    func overrideSet(since trial: SettingRow) async -> SettingRow? {
        await settings.overrides.overrideSet(since: trial)
    }

    func change(
        _ make: @escaping @Sendable (SettingOverrides) throws(SettingProblems) -> SettingChange
    ) async throws(AdminRefusal) {
        do {
            _ = try await settings.change { try make($0) }
        } catch let problems as SettingProblems {
            throw .conflict(problems.description)
        } catch {
            throw .unavailable("the change could not be made durable, so nothing was changed: \(error)")
        }
    }

    func audit(
        _ action: AuditEntry.Action, _ id: AdviceID, _ actor: String, _ reason: String?,
        after: (setting: String, value: String)? = nil
    ) async {
        let text = "\(id.rule.rawValue)" + (reason.map { ": \($0)" } ?? "")
        events.send("advice", origin: id.origin.description, "\(action.rawValue) by \(actor): \(text)")
        logger.notice(
            "\(action.rawValue)", metadata: ["advice": "\(id)", "actor": "\(actor)", "reason": "\(reason ?? "")"])
        let entry = AuditEntry(
            time: SystemClock.wall(), actor: actor, action: action, subject: id.origin.description,
            setting: after.flatMap { Setting(name: $0.setting) }, after: after?.value, reason: text)
        do {
            try await settings.audit(entry)
        } catch {
            logger.warning("an action could not be added to the audit trail", metadata: ["reason": "\(error)"])
        }
    }

    private static func refusal(_ id: AdviceID, _ refusal: AdviceBook.Refusal) -> AdminRefusal {
        switch refusal {
        case .unknown: .notFound("there is no advice `\(id)`: /v1/advice lists it")
        case .nothingToSet(let action): .conflict("no setting of connd's helps: \(action)")
        case .anotherTrial(let other):
            .conflict("`\(other)` is on trial: one change at a time, or its effect could not be told from another's")
        case .isOnTrial: .conflict("it is on trial: `connctl revert \(id.origin)` ends that")
        case .hasEnded: .conflict("its trial has ended: it is given again if it still applies in a week")
        }
    }

    // MARK: The database

    /// At the start, and after the database was read again or replaced.
    func load() async {
        await serial.enter()
        if let records = (try? await store.advice())?.compactMap(AdviceRecord.init) {
            if !records.isEmpty || book.records.isEmpty { book = AdviceBook(records) }
        }
        await serial.leave()
    }

    /// To be called after the database was replaced, and does not have it.
    func storeAgain() async {
        await serial.enter()
        replacesAll = true
        await save()
        await serial.leave()
    }

    func forget(_ origin: Origin) async {
        await serial.enter()
        book.forget(origin)
        await save()
        await serial.leave()
    }

    private func save() async {
        let changes = book.takeChanges()
        guard !changes.puts.isEmpty || !changes.removals.isEmpty || replacesAll else { return }
        var change = StoredAdviceChange()
        change.replacesAll = replacesAll
        change.puts = (replacesAll ? Array(book.records.values) : changes.puts).map(StoredAdvice.init)
        change.removals = changes.removals.map { StoredAdvice.Key(origin: $0.origin, rule: $0.rule.rawValue) }
        do {
            try await store.save(advice: change)
            replacesAll = false
        } catch {
            // Until it can be written.
            book.restore(changes)
        }
    }
}
