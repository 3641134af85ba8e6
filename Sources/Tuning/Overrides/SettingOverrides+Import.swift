package import ProxyTypes

extension SettingOverrides {
    /// The change that makes the overrides match the document; empty where they match already. With `replace`, rows
    /// that the document does not name are removed. A document without any trial leaves existing trials alone.
    package func importing(
        _ imported: [ImportedSetting], actor: String, reason: String? = nil, now: Moment, replace: Bool
    ) throws(SettingProblems) -> SettingChange {
        var draft = SettingDraft(self, actor: actor, now: now)
        let common = draft.reason(reason)
        var named: [SettingKey: Int] = [:]
        for (index, item) in imported.enumerated() {
            guard let key = draft.key(of: item, index, now) else { continue }
            if let first = named.updateValue(index, forKey: key) {
                draft.refuse(
                    .setting(item.name), .givenTwice,
                    "`\(item.name)` is given twice for \(key.pattern.map { "`\($0)`" } ?? "every origin"), "
                        + "first as number \(first + 1)", index: index)
                continue
            }
            let own = draft.reason(item.reason, index: index)
            guard let value = draft.value(of: key.setting, item.input, index: index) else { continue }
            if let row = row(key), row.value == value, row.expiresAt == item.expiresAt, own == nil || own == row.reason
            {
                continue
            }
            draft.put(
                key, value, .import, reason: own ?? common, end: item.expiresAt.map(now.instant(atWall:)),
                index: index)
        }
        if replace {
            let speaksOfTrials = imported.contains { $0.expiresAt != nil }
            for row in exportRows() where named[row.key] == nil && (row.key.layer == .override || speaksOfTrials) {
                draft.remove(row.key, .import, reason: common)
            }
        }
        checkTogether(&draft, named)
        return try draft.finish()
    }

    private func checkTogether(_ draft: inout SettingDraft, _ named: [SettingKey: Int]) {
        var touched: [HostPattern?: [Setting: Int]] = [:]
        for put in draft.change.puts { touched[put.key.pattern, default: [:]][put.key.setting] = named[put.key] }
        let order = touched.sorted { ($0.value.values.min() ?? 0) < ($1.value.values.min() ?? 0) }
        for (pattern, indices) in order {
            draft.checkTogether(Set(indices.keys), for: pattern, indices: indices)
        }
    }
}

extension SettingDraft {
    /// Nil where the item is refused, which is recorded as a problem, or its trial has ended.
    fileprivate mutating func key(of item: ImportedSetting, _ index: Int, _ now: Moment) -> SettingKey? {
        let setting = setting(named: item.name, index: index)
        var pattern: HostPattern?
        if let text = item.pattern, !text.isEmpty {
            do throws(ValueProblem) {
                pattern = try HostPattern(parsing: text)
            } catch {
                refuse(.pattern, .wrongValue, "the pattern \(error)", index: index)
                return nil
            }
        }
        guard let setting else { return nil }
        guard let expiresAt = item.expiresAt else {
            return SettingKey(layer: .override, setting: setting, pattern: pattern)
        }
        let longest = SettingOverrides.trialLengths.upperBound
        if expiresAt > now.wall + longest.wholeMilliseconds {
            refuse(
                .setting(item.name), .wrongValue,
                "`\(item.name)`: a trial must end within \(DurationText.print(longest))", index: index)
        }
        return expiresAt > now.wall ? SettingKey(layer: .trial, setting: setting, pattern: pattern) : nil
    }
}
