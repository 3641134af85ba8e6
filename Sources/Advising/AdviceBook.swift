package import ProxyTypes

/// All advice with its states: which is new, which is withdrawn, which may be tried, and what is forgotten. Decides; stores and
/// changes nothing by itself. Value.
///
///     waiting ─┬─▶ dismissed ──▶ on trial        stays until it is accepted after all, or is forgotten
///              ├─▶ on trial ──▶ confirmed, reverted
///              └─▶ gone                          its rule no longer applies, or other settings are in force
package struct AdviceBook: Sendable {
    package static let mostRecords = 1000
    /// What was tried in vain, or ended by somebody, is not advised again for a week; not with another value either.
    package static let quiet: Int64 = 7 * 86_400_000
    /// Outcomes are kept for so long.
    package static let memory: Int64 = 90 * 86_400_000

    package private(set) var records: [AdviceID: AdviceRecord] = [:]
    private var changed: Set<AdviceID> = []

    package init() {}

    package init(_ records: [AdviceRecord]) {
        for record in records.prefix(Self.mostRecords) { self.records[record.id] = record }
    }

    package var waiting: Int { records.values.count { $0.state == .waiting } }

    /// The rules whose advice on the origin waits, for hysteresis.
    package func given(_ origin: Origin) -> Set<AdviceRule> {
        Set(AdviceRule.allCases.filter { records[AdviceID(rule: $0, origin: origin)]?.state == .waiting })
    }

    package func trial(of origin: Origin) -> AdviceRecord? {
        AdviceRule.allCases.lazy.compactMap { records[AdviceID(rule: $0, origin: origin)] }.first { record in
            if case .onTrial = record.state { true } else { false }
        }
    }

    /// Takes what the rules say of an origin, and returns what is new. `isWhole`: the stretch of traffic was long enough to
    /// withdraw what no longer applies.
    package mutating func look(at origin: Origin, found: [Advice], isWhole: Bool, now: Int64) -> [AdviceRecord] {
        var new: [AdviceRecord] = []
        for advice in found {
            let id = AdviceID(rule: advice.rule, origin: origin)
            guard var record = records[id] else {
                guard makeRoom() else { continue }
                let record = AdviceRecord(id: id, advice: advice, given: now, state: .waiting)
                put(record)
                new.append(record)
                continue
            }
            switch record.state {
            case .waiting:
                guard record.advice != advice else { continue }
                record.advice = advice
                put(record)
            case .dismissed, .onTrial: break
            case .ended(let outcome):
                // After a success, another value is the next step.
                let isQuiet = !outcome.isConfirmed || record.advice.change == advice.change
                guard !isQuiet || now - outcome.time >= Self.quiet else { continue }
                record = AdviceRecord(id: id, advice: advice, given: now, state: .waiting)
                put(record)
                new.append(record)
            }
        }
        if isWhole { withdraw(from: origin, unless: Set(found.map(\.rule))) }
        return new
    }

    /// Takes back what waits, but for what these rules say.
    package mutating func withdraw(from origin: Origin, unless found: Set<AdviceRule> = []) {
        for rule in AdviceRule.allCases where !found.contains(rule) {
            let id = AdviceID(rule: rule, origin: origin)
            if records[id]?.state == .waiting { remove(id) }
        }
    }

    /// Why advice cannot be accepted or dismissed.
    package enum Refusal: Error, Hashable, Sendable {
        case unknown
        case nothingToSet(String)
        case anotherTrial(AdviceID)
        case isOnTrial
        case hasEnded
    }

    /// What to set. Nothing has changed yet.
    package func acceptance(of id: AdviceID) throws(Refusal) -> (setting: String, value: String) {
        guard let record = records[id] else { throw .unknown }
        switch record.state {
        case .waiting, .dismissed: break
        case .onTrial: throw .isOnTrial
        case .ended: throw .hasEnded
        }
        switch record.advice.change {
        case .people(let action): throw .nothingToSet(action)
        case .set(let setting, let value):
            if let other = trial(of: id.origin) { throw .anotherTrial(other.id) }
            return (setting, value)
        }
    }

    package mutating func began(_ id: AdviceID, _ trial: RunningTrial) { set(id, to: .onTrial(trial)) }

    package mutating func ended(_ id: AdviceID, _ outcome: TrialOutcome) { set(id, to: .ended(outcome)) }

    package mutating func dismiss(_ id: AdviceID, _ decision: AdviceDecision) throws(Refusal) {
        guard let record = records[id] else { throw .unknown }
        switch record.state {
        case .waiting, .dismissed: set(id, to: .dismissed(decision))
        case .onTrial: throw .isOnTrial
        case .ended: throw .hasEnded
        }
    }

    /// What may be tried without asking: the surest of what was just found. What was found earlier may be of settings that are
    /// no longer in force. `isSetByHand`: whether somebody has decided on that setting of the very origin.
    package func next(of origin: Origin, found: Set<AdviceRule>, isSetByHand: (String) -> Bool) -> AdviceID? {
        guard trial(of: origin) == nil else { return nil }
        return AdviceRule.allCases.filter(found.contains).compactMap { records[AdviceID(rule: $0, origin: origin)] }
            .filter { record in
                guard record.state == .waiting, record.advice.isSafe else { return false }
                return if case .set(let setting, _) = record.advice.change { !isSetByHand(setting) } else { false }
            }.max { $0.advice.confidence < $1.advice.confidence }?.id
    }

    /// All but a trial, with outcomes and dismissals: somebody wants it so.
    package mutating func forget(_ origin: Origin) {
        for rule in AdviceRule.allCases {
            let id = AdviceID(rule: rule, origin: origin)
            guard let record = records[id] else { continue }
            if case .onTrial = record.state { continue }
            remove(id)
        }
    }

    package mutating func expire(now: Int64) {
        for record in records.values {
            let since: Int64? =
                switch record.state {
                case .waiting, .onTrial, .dismissed: nil
                case .ended(let outcome): outcome.time
                }
            if let since, now - since >= Self.memory { remove(record.id) }
        }
    }

    /// What has changed since the last call: those that are there and those that are gone.
    package mutating func takeChanges() -> (puts: [AdviceRecord], removals: [AdviceID]) {
        defer { changed = [] }
        return (changed.compactMap { records[$0] }, changed.filter { records[$0] == nil })
    }

    /// What could not be stored.
    package mutating func restore(_ changes: (puts: [AdviceRecord], removals: [AdviceID])) {
        changed.formUnion(changes.puts.map(\.id) + changes.removals)
    }

    // MARK: Parts

    private mutating func set(_ id: AdviceID, to state: AdviceState) {
        guard var record = records[id] else { return }
        record.state = state
        put(record)
    }

    private mutating func put(_ record: AdviceRecord) {
        records[record.id] = record
        changed.insert(record.id)
    }

    private mutating func remove(_ id: AdviceID) {
        records[id] = nil
        changed.insert(id)
    }

    /// The oldest outcome makes room for new advice; without any, the oldest dismissal does.
    private mutating func makeRoom() -> Bool {
        guard records.count >= Self.mostRecords else { return true }
        let oldest = records.values.compactMap { record -> (id: AdviceID, rank: Int, time: Int64)? in
            switch record.state {
            case .waiting, .onTrial: nil
            case .ended(let outcome): (record.id, 0, outcome.time)
            case .dismissed(let decision): (record.id, 1, decision.time)
            }
        }.min { ($0.rank, $0.time) < ($1.rank, $1.time) }
        guard let oldest else { return false }
        remove(oldest.id)
        return true
    }
}
