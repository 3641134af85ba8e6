package import ProxyTypes

extension SettingOverrides {
    /// Sets overrides, starts trials, or removes overrides.
    package func edit(_ edit: SettingEdit, actor: String, now: Moment) throws(SettingProblems) -> SettingChange {
        var draft = SettingDraft(self, actor: actor, now: now)
        let reason = draft.reason(edit.reason)
        if let tryFor = edit.tryFor, !Self.trialLengths.contains(tryFor) {
            let range =
                "\(DurationText.print(Self.trialLengths.lowerBound)) to "
                + DurationText.print(Self.trialLengths.upperBound)
            draft.refuse(.tryFor, .wrongValue, "a trial must last \(range), not \(DurationText.print(tryFor))")
        }
        if edit.values.isEmpty { draft.refuse(.edit, .empty, "no setting is named") }
        var names: Set<String> = []
        var touched: Set<Setting> = []
        for (name, input) in edit.values {
            guard names.insert(name).inserted else {
                draft.refuse(.setting(name), .givenTwice, "\(ValueProblem.quoted(name)) is given twice")
                continue
            }
            guard let setting = draft.setting(named: name) else { continue }
            touched.insert(setting)
            if let input {
                guard let value = draft.value(of: setting, input) else { continue }
                let key = SettingKey(
                    layer: edit.tryFor == nil ? .override : .trial, setting: setting, pattern: edit.pattern)
                let end = edit.tryFor.map { now.instant + $0 }
                draft.put(key, value, edit.tryFor == nil ? .set : .trial, reason: reason, end: end)
            } else if edit.tryFor == nil {
                draft.unset(setting, edit.pattern, reason)
            } else {
                draft.refuse(.setting(name), .wrongValue, "`\(name)`: a trial needs a value")
            }
        }
        draft.checkTogether(touched, for: edit.pattern)
        return try draft.finish()
    }

    /// Turns trials of the pattern into overrides that keep the trial's base; nil settings: all of them.
    package func confirm(
        pattern: HostPattern?, settings: [Setting]? = nil, actor: String, reason: String? = nil, now: Moment
    ) throws(SettingProblems) -> SettingChange {
        try settle(pattern, settings, actor, reason, now, verb: "confirm") { draft, trial, reason in
            draft.remove(trial.key, nil, reason: nil)
            draft.put(
                SettingKey(layer: .override, setting: trial.key.setting, pattern: pattern), trial.value, .confirm,
                reason: reason ?? trial.reason, base: (trial.base, trial.baseSource))
        }
    }

    /// The override of another value that was set since the trial began, which hides it: its confirmation would undo it.
    package func overrideSet(since trial: SettingRow) -> SettingRow? {
        let key = SettingKey(layer: .override, setting: trial.key.setting, pattern: trial.key.pattern)
        return row(key).flatMap { $0.time > trial.time && $0.value != trial.value ? $0 : nil }
    }

    /// Ends trials of the pattern now and leaves overrides alone; nil settings: all of them.
    package func revert(
        pattern: HostPattern?, settings: [Setting]? = nil, actor: String, reason: String? = nil, now: Moment
    ) throws(SettingProblems) -> SettingChange {
        try settle(pattern, settings, actor, reason, now, verb: "revert") { draft, trial, reason in
            draft.remove(trial.key, .revert, reason: reason)
        }
    }

    /// Removes expired trials, including those that expired while connd was not running.
    package func expire(now: Moment) -> SettingChange {
        var change = SettingChange()
        for row in exportRows() where row.key.layer == .trial && end(of: row.key) <= now.instant {
            change.removals.append(row.key)
            change.audit.append(
                AuditEntry(
                    time: now.wall, actor: "connd", action: .trialExpired,
                    subject: row.key.pattern?.description ?? AuditEntry.everything, setting: row.key.setting,
                    before: row.key.setting.write(row.value)))
        }
        return change
    }

    private func settle(
        _ pattern: HostPattern?, _ settings: [Setting]?, _ actor: String, _ reason: String?, _ now: Moment,
        verb: String,
        _ each: (inout SettingDraft, SettingRow, String?) -> Void
    ) throws(SettingProblems) -> SettingChange {
        var draft = SettingDraft(self, actor: actor, now: now)
        let reason = draft.reason(reason)
        // An expired trial counts as ended even before `expire` removes it.
        let trials = trials(of: pattern).filter { end(of: $0.key) > now.instant }
        let whose = pattern.map { "`\($0)`" } ?? "every origin"
        if let settings {
            for setting in settings where !trials.contains(where: { $0.key.setting == setting }) {
                draft.refuse(
                    .setting(setting.name), .noTrial, "no trial of `\(setting.name)` for \(whose) to \(verb)")
            }
        } else if trials.isEmpty {
            draft.refuse(.edit, .noTrial, "no trial for \(whose) to \(verb)")
        }
        for trial in trials where settings?.contains(trial.key.setting) ?? true { each(&draft, trial, reason) }
        return try draft.finish()
    }
}

extension SettingDraft {
    /// Removes the pattern's override and trial, so that the inherited value applies.
    fileprivate mutating func unset(_ setting: Setting, _ pattern: HostPattern?, _ reason: String?) {
        remove(SettingKey(layer: .override, setting: setting, pattern: pattern), .unset, reason: reason)
        remove(SettingKey(layer: .trial, setting: setting, pattern: pattern), .revert, reason: reason)
    }
}
