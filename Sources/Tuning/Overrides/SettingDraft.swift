import ProxyTypes

/// A change under construction: collects rows, audit entries and problems, and the layers as they would become. Value.
struct SettingDraft {
    private let overrides: SettingOverrides
    private let actor: String
    private let now: Moment
    private(set) var change = SettingChange()
    private var layers: SettingLayers
    private var rowCount: Int
    private var problems: [SettingProblem] = []

    init(_ overrides: SettingOverrides, actor: String, now: Moment) {
        self.overrides = overrides
        self.actor = actor
        self.now = now
        layers = overrides.layers
        rowCount = overrides.rowCount
        let bytes = actor.utf8.count
        if bytes > SettingOverrides.maxActorBytes {
            refuse(.actor, .tooLong, "the actor must be at most \(SettingOverrides.maxActorBytes) bytes, not \(bytes)")
        }
    }

    mutating func refuse(
        _ field: SettingProblem.Field, _ kind: SettingProblem.Kind, _ text: String, suggestion: String? = nil,
        index: Int? = nil
    ) {
        problems.append(SettingProblem(field, kind, text, suggestion: suggestion, index: index))
    }

    /// Nil where the text is nil or empty.
    mutating func reason(_ text: String?, index: Int? = nil) -> String? {
        guard let text, !text.isEmpty else { return nil }
        let bytes = text.utf8.count
        if bytes > SettingOverrides.maxReasonBytes {
            refuse(
                .reason, .tooLong, "the reason must be at most \(SettingOverrides.maxReasonBytes) bytes, not \(bytes)",
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

    /// `base`: inherited from the row that this one continues; nil takes the value that applies below it now.
    mutating func put(
        _ key: SettingKey, _ value: SettingValue, _ action: AuditEntry.Action, reason: String?, end: Instant? = nil,
        base: (value: SettingValue, source: String)? = nil, index: Int? = nil
    ) {
        if key.setting.needsReason(for: value), reason?.contains(where: { !$0.isWhitespace }) != true {
            refuse(
                .reason, .reasonMissing,
                "`\(key.setting.name)` can only be set to \(key.setting.write(value)) with a `reason`, which is shown "
                    + "wherever the origins concerned are", index: index)
        }
        let below = overrides.base(of: key.setting, for: key.pattern)
        let base = base ?? (below.value, "\(below.source)")
        let before = overrides.row(key)
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

    /// Does nothing where there is no such row.
    mutating func remove(_ key: SettingKey, _ action: AuditEntry.Action?, reason: String?) {
        guard let row = overrides.row(key) else { return }
        change.removals.append(key)
        layers.remove(key.setting, from: key.layer, for: key.pattern)
        rowCount -= 1
        if let action { audit(key, action, before: row.value, after: nil, reason: reason) }
    }

    mutating func checkTogether(_ touched: Set<Setting>, for pattern: HostPattern?, indices: [Setting: Int] = [:]) {
        let values = layers.values(in: .pattern(pattern ?? .any))
        for found in SettingContradiction.all(in: values, touching: touched) {
            let first = [found.first, found.second].first { touched.contains($0) } ?? found.first
            refuse(.setting(first.name), .contradiction, found.text, index: indices[first])
        }
    }

    func finish() throws(SettingProblems) -> SettingChange {
        var problems = problems
        // An edit that only removes rows is allowed above the limit too.
        if rowCount > SettingOverrides.maxRows, rowCount > overrides.rowCount {
            problems.append(
                SettingProblem(
                    .edit, .tooMany,
                    "there may be at most \(SettingOverrides.maxRows) overrides and trials; this would make \(rowCount)"
                ))
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
