package import ProxyTypes

extension SettingBook {
    /// Sets values, tries them for a while, or returns them to what is inherited.
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

    /// Trials of the pattern become overrides; nil settings: all of them. What a trial was set over stays known.
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

    /// Trials of the pattern end now, and nothing but trials; nil settings: all of them.
    package func revert(
        pattern: HostPattern?, settings: [Setting]? = nil, actor: String, reason: String? = nil, now: Moment
    ) throws(SettingProblems) -> SettingChange {
        try settle(pattern, settings, actor, reason, now, verb: "revert") { draft, trial, reason in
            draft.remove(trial.key, .revert, reason: reason)
        }
    }

    /// Ends the trials that have run out, those that did so while connd was down too.
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
        // One that has run out is over, though nobody came by to end it.
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
    /// The inherited value holds again: no override of the pattern's own stays, and no trial over it.
    fileprivate mutating func unset(_ setting: Setting, _ pattern: HostPattern?, _ reason: String?) {
        remove(SettingKey(layer: .override, setting: setting, pattern: pattern), .unset, reason: reason)
        remove(SettingKey(layer: .trial, setting: setting, pattern: pattern), .revert, reason: reason)
    }
}
