import Logging
import AdminAPI
import AdminModels
import ConfigurationFile
import ForwardProxy
import ProxyTypes
import Reactor
import Store
import Tuning

/// Settings, trials, export, import, reload.
extension LiveAdminBackend {
    var definitions: [SettingDefinitionReport] { Setting.allCases.map { SettingDefinitionReport($0.definition) } }

    func settings(_ pattern: String) async throws(AdminRefusal) -> (SettingsReport, revision: UInt64) {
        let pattern = try self.pattern(pattern)
        let overrides = await settings.overrides
        return (report(pattern, overrides), overrides.revision)
    }

    func patterns() async -> ([PatternReport], revision: UInt64) {
        let overrides = await settings.overrides
        var made: [String: PatternReport] = [:]
        for row in overrides.explicitCandidates {
            let name = row.pattern?.description ?? "*"
            made[name, default: PatternReport()].pattern = name
            made[name]?.settings.append(ResolvedSettingReport(row))
        }
        return (made.values.sorted { $0.pattern < $1.pattern }, overrides.revision)
    }

    func patch(_ pattern: String, _ patch: SettingsPatch, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    {
        let pattern = try self.pattern(pattern)
        var tryFor: Interval?
        if let text = patch.tryFor {
            guard let length = DurationText.parse(text) else {
                let problem = "must be a duration such as 10m, 1s to 24h"
                throw .invalid("the edit is invalid", [FieldProblem(pointer: "/try_for", detail: problem)])
            }
            tryFor = length
        }
        let values = patch.settings.sorted { $0.key < $1.key }.map { ($0.key, SettingInput($0.value)) }
        let edit = SettingEdit(pattern: pattern, values: values, reason: patch.reason, tryFor: tryFor)
        let hostCheck = hostCheck
        return try await change(pattern, ifRevision) { overrides throws(SettingProblems) in
            let change = try overrides.edit(edit, actor: actor.name, now: SystemClock.now())
            try hostCheck.check(change, of: overrides)
            return change
        }
    }

    func confirm(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    {
        let pattern = try self.pattern(pattern)
        let names = try self.settings(named: selection.settings)
        return try await change(pattern, ifRevision) { overrides throws(SettingProblems) in
            try overrides.confirm(
                pattern: pattern, settings: names, actor: actor.name, reason: selection.reason, now: SystemClock.now())
        }
    }

    func revert(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    {
        let pattern = try self.pattern(pattern)
        let names = try self.settings(named: selection.settings)
        return try await change(pattern, ifRevision) { overrides throws(SettingProblems) in
            try overrides.revert(
                pattern: pattern, settings: names, actor: actor.name, reason: selection.reason, now: SystemClock.now())
        }
    }

    func differences() async -> [DifferenceReport] {
        await settings.overrides.differences.map { DifferenceReport($0) }
    }

    func export() async -> SettingsDocument {
        var document = SettingsDocument()
        document.exported = APIFormat.time(SystemClock.wall())
        document.overrides = await settings.overrides.exportRows().filter { $0.key.layer == .override }.map { row in
            var item = DocumentedSetting()
            item.pattern = row.key.pattern?.description ?? "*"
            item.setting = row.key.setting.name
            item.value = row.key.setting.write(row.value)
            item.reason = row.reason
            item.actor = row.actor
            item.time = APIFormat.time(row.time)
            return item
        }
        document.gateways = await exportedGateways()
        return document
    }

    func importSettings(
        _ document: SettingsDocument, replace: Bool, dryRun: Bool, actor: AdminActor, reason: String?,
        ifRevision: UInt64?
    ) async throws(AdminRefusal) -> (ImportReport, revision: UInt64) {
        guard document.format == "connd-settings", document.formatVersion == 1 else {
            let text = "must be connd-settings, format_version 1"
            throw .invalid("this is not an export of connd", [FieldProblem(pointer: "/format", detail: text)])
        }
        let items = document.overrides.map {
            ImportedSetting(pattern: $0.pattern, name: $0.setting, input: .text($0.value), reason: $0.reason)
        }
        let hostCheck = hostCheck
        let make: @Sendable (SettingOverrides) throws(SettingProblems) -> SettingChange = {
            overrides throws(SettingProblems) in
            let change = try overrides.importing(
                items, actor: actor.name, reason: reason, now: SystemClock.now(), replace: replace)
            try hostCheck.check(change, of: overrides) { row in items.firstIndex { $0.isOf(row.key) } }
            return change
        }
        let gateways = try Self.gateways(of: document)
        // A document without a list of gateways leaves them alone.
        let replacesGateways = replace && document.gateways != nil
        guard dryRun else {
            let (opened, made) = try await gatewayControl.importing(
                gateways, replace: replacesGateways, actor: actor, reason: reason
            ) { gateways throws(AdminRefusal) in try await self.changed(ifRevision, with: gateways, make) }
            var report = ImportReport(made.change, before: made.before, documented: items.count, dryRun: false)
            report.gateways = opened.audit.map(GatewayChangeReport.init)
            return (report, made.after.revision)
        }
        let planned = try await gatewayControl.imported(
            gateways, replace: replacesGateways, actor: actor, reason: reason)
        let overrides = await settings.overrides
        if let ifRevision, ifRevision != overrides.revision {
            throw .stale("the settings have changed in the meantime: read them again")
        }
        do {
            var report = ImportReport(try make(overrides), before: overrides, documented: items.count, dryRun: true)
            report.gateways = planned.audit.map(GatewayChangeReport.init)
            return (report, overrides.revision)
        } catch {
            throw Self.refusal(error)
        }
    }

    func config() async -> ConfigReport {
        let state = configured.current
        var report = ConfigReport()
        report.file = configured.path
        report.loadedMs = state.loadedAt
        report.loaded = APIFormat.time(state.loadedAt)
        report.yaml = ConfigurationPrinter.print(state.loaded)
        return report
    }

    // MARK: Parts

    private func report(_ pattern: HostPattern?, _ overrides: SettingOverrides) -> SettingsReport {
        var report = SettingsReport()
        report.pattern = pattern?.description ?? "*"
        report.settings = overrides.resolved(forPattern: pattern).map { ResolvedSettingReport($0) }
        return report
    }

    private func change(
        _ pattern: HostPattern?, _ ifRevision: UInt64?,
        _ make: @escaping @Sendable (SettingOverrides) throws(SettingProblems) -> SettingChange
    ) async throws(AdminRefusal) -> (SettingsReport, revision: UInt64) {
        let after = try await changed(ifRevision, make).after
        return (report(pattern, after), after.revision)
    }

    private func changed(
        _ ifRevision: UInt64?, with gateways: GatewayChange = GatewayChange(),
        _ make: @escaping @Sendable (SettingOverrides) throws(SettingProblems) -> SettingChange
    ) async throws(AdminRefusal) -> SettingsControl.Outcome {
        do {
            return try await settings.change(ifRevision: ifRevision, with: gateways) { try make($0) }
        } catch let refusal as AdminRefusal {
            throw refusal
        } catch let problems as SettingProblems {
            throw Self.refusal(problems)
        } catch {
            throw .unavailable("the change could not be made durable, so nothing was changed: \(error)")
        }
    }

    private static func refusal(_ problems: SettingProblems) -> AdminRefusal {
        let fields = problems.problems.map { FieldProblem($0) }
        let text = problems.problems.map(\.text).joined(separator: "; ")
        if problems.problems.allSatisfy({ $0.kind == .noTrial }) { return .conflict(text, fields) }
        return .invalid(text, fields)
    }

    /// `*` is every origin.
    private func pattern(_ text: String) throws(AdminRefusal) -> HostPattern? {
        do {
            let pattern = try HostPattern(parsing: text)
            return pattern == .any ? nil : pattern
        } catch {
            throw .notFound("the pattern \(error)")
        }
    }

    private func settings(named names: [String]?) throws(AdminRefusal) -> [Setting]? {
        guard let names else { return nil }
        var found: [Setting] = []
        var problems: [FieldProblem] = []
        for (index, name) in names.enumerated() {
            if let setting = Setting(name: name) {
                found.append(setting)
            } else {
                let text = "there is no setting \(ValueProblem.quoted(name)): /v1/definitions lists them"
                problems.append(FieldProblem(pointer: "/settings/\(index)", detail: text))
            }
        }
        guard problems.isEmpty else { throw .invalid("some settings are not known", problems) }
        guard !names.isEmpty else {
            let text = "must name a setting, or be left out for all that are on trial"
            throw .invalid("no setting is named", [FieldProblem(pointer: "/settings", detail: text)])
        }
        return found
    }
}

extension ChangeReport {
    init(_ change: ReloadReport.Change) {
        self.init()
        pattern = change.pattern?.description ?? "*"
        setting = change.setting.name
        before = change.setting.write(change.before.value)
        after = change.setting.write(change.after.value)
        hiddenBy = change.hiddenBy.last.map { $0.key.layer.word }
    }
}

extension ImportReport {
    init(_ change: SettingChange, before: SettingOverrides, documented: Int, dryRun: Bool) {
        self.init()
        self.dryRun = dryRun
        for row in change.puts {
            var item = ChangeReport()
            item.pattern = row.key.pattern?.description ?? "*"
            item.setting = row.key.setting.name
            item.before = before.row(row.key).map { row.key.setting.write($0.value) }
            item.after = row.key.setting.write(row.value)
            if item.before == nil { added += 1 } else { changed += 1 }
            changes.append(item)
        }
        let put = Set(change.puts.map(\.key))
        for key in change.removals where !put.contains(key) {
            var item = ChangeReport()
            item.pattern = key.pattern?.description ?? "*"
            item.setting = key.setting.name
            item.before = before.row(key).map { key.setting.write($0.value) }
            removed += 1
            changes.append(item)
        }
        unchanged = documented - added - changed
    }
}
