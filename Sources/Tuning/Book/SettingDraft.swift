import ProxyTypes

/// A change while it is worked out: gathers rows, audit and problems, and the layers as they would be. Value.
struct SettingDraft {
    private let book: SettingBook
    private let actor: String
    private let now: Moment
    private(set) var change = SettingChange()
    private var layers: SettingLayers
    private var rowCount: Int
    private var problems: [SettingProblem] = []

    init(_ book: SettingBook, actor: String, now: Moment) {
        self.book = book
        self.actor = actor
        self.now = now
        layers = book.layers
        rowCount = book.rowCount
        let bytes = actor.utf8.count
        if bytes > SettingBook.maxActorBytes {
            refuse(.actor, .tooLong, "the actor must be at most \(SettingBook.maxActorBytes) bytes, not \(bytes)")
        }
    }

    mutating func refuse(
        _ field: SettingProblem.Field, _ kind: SettingProblem.Kind, _ text: String, suggestion: String? = nil,
        index: Int? = nil
    ) {
        problems.append(SettingProblem(field, kind, text, suggestion: suggestion, index: index))
    }

    /// An empty one is none.
    mutating func reason(_ text: String?, index: Int? = nil) -> String? {
        guard let text, !text.isEmpty else { return nil }
        let bytes = text.utf8.count
        if bytes > SettingBook.maxReasonBytes {
            refuse(
                .reason, .tooLong, "the reason must be at most \(SettingBook.maxReasonBytes) bytes, not \(bytes)",
                index: index)
        }
        return text
    }

    mutating func setting(named name: String, index: Int? = nil) -> Setting? {
        if let setting = Setting(name: name) { return setting }
        let meant = EditDistance.nearest(to: name, among: Setting.allCases.map(\.name))
        refuse(
            .setting(name), .unknownSetting,
            "unknown setting \(ValueProblem.quoted(name))" + (meant.map { "; did you mean `\($0)`?" } ?? ""),
            suggestion: meant, index: index)
        return nil
    }

    mutating func value(of setting: Setting, _ input: SettingInput, index: Int? = nil) -> SettingValue? {
        do throws(ValueProblem) {
            let value = try setting.read(input)
            guard let missing = setting.missing(for: value) else { return value }
            refuse(.setting(setting.name), .notAvailable, "`\(setting.name)` \(missing)", index: index)
        } catch {
            refuse(.setting(setting.name), .wrongValue, "`\(setting.name)` \(error)", index: index)
        }
        return nil
    }

    /// `base`: of a row that this one goes on from; nil: what holds below it now.
    mutating func put(
        _ key: SettingKey, _ value: SettingValue, _ action: AuditEntry.Action, reason: String?, end: Instant? = nil,
        base: (value: SettingValue, source: String)? = nil
    ) {
        let below = book.base(of: key.setting, for: key.pattern)
        let base = base ?? (below.value, "\(below.source)")
        let before = book.row(key)
        change.puts.append(
            SettingRow(
                key: key, value: value, actor: actor, reason: reason, time: now.wall, base: base.value,
                baseSource: base.source, expiresAt: end.map(now.wall(at:))))
        change.ends[key] = end
        layers.set(
            key.setting, to: SettingEntry(value, source: key.layer == .trial ? .trial : .override), for: key.pattern)
        rowCount += before == nil ? 1 : 0
        audit(key, action, before: before?.value, after: value, reason: reason)
    }

    /// Nothing where there is no such row.
    mutating func remove(_ key: SettingKey, _ action: AuditEntry.Action?, reason: String?) {
        guard let row = book.row(key) else { return }
        change.removals.append(key)
        layers.remove(key.setting, from: key.layer, for: key.pattern)
        rowCount -= 1
        if let action { audit(key, action, before: row.value, after: nil, reason: reason) }
    }

    mutating func checkTogether(_ touched: Set<Setting>, for pattern: HostPattern?, indices: [Setting: Int] = [:]) {
        let values = layers.values(in: .pattern(pattern ?? .any))
        for found in SettingContradiction.all(in: values, touching: touched) {
            let first = [found.lower, found.upper].first { touched.contains($0) } ?? found.lower
            refuse(.setting(first.name), .contradiction, found.text, index: indices[first])
        }
    }

    func finish() throws(SettingProblems) -> SettingChange {
        var problems = problems
        // What is being removed must stay removable.
        if rowCount > SettingBook.maxRows, rowCount > book.rowCount {
            problems.append(
                SettingProblem(
                    .edit, .tooMany,
                    "there may be at most \(SettingBook.maxRows) overrides and trials; this would make \(rowCount)"))
        }
        guard problems.isEmpty else { throw SettingProblems(problems) }
        return change
    }

    private mutating func audit(
        _ key: SettingKey, _ action: AuditEntry.Action, before: SettingValue?, after: SettingValue?, reason: String?
    ) {
        change.audit.append(
            AuditEntry(
                time: now.wall, actor: actor, action: action,
                subject: key.pattern?.description ?? AuditEntry.everything,
                setting: key.setting, before: before.map(key.setting.write), after: after.map(key.setting.write),
                reason: reason))
    }
}
