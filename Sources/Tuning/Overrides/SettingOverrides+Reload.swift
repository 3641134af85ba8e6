extension SettingOverrides {
    /// Works out what a new file would change.
    package func reload(file new: SettingLayers) -> ReloadReport {
        var next = self
        next.file = new
        let known = Set(conflicts)
        return ReloadReport(
            changes: changes(to: new), newConflicts: next.conflicts.filter { !known.contains($0) }, file: new)
    }

    /// Overrides whose base has changed since they were set, in the order of `exportRows`.
    package var conflicts: [SettingConflict] {
        exportRows().filter { $0.key.layer == .override }.compactMap(conflict)
    }

    /// Every override and trial beside the value that would apply without it, in the order of `exportRows`.
    package var differences: [SettingDifference] {
        exportRows().map { row in
            let candidates = candidates(of: row.key.setting, in: .pattern(row.key.pattern ?? .any))
            func isOwn(_ candidate: SettingCandidate) -> Bool {
                candidate.layer == row.key.layer && candidate.pattern == row.key.pattern
            }
            let without = candidates.filter { !isOwn($0) }
            return SettingDifference(
                row: row, without: without.isEmpty ? .standard(row.key.setting) : without[without.indexInForce],
                isInForce: candidates.first.map(isOwn) ?? false, conflict: conflict(of: row))
        }
    }

    private func conflict(of row: SettingRow) -> SettingConflict? {
        let below = base(of: row.key.setting, for: row.key.pattern)
        // Learned values change by themselves, without an edit that could conflict.
        if below.source == .learned, row.baseSource == "\(SettingSource.learned)" { return nil }
        return below.value == row.base ? nil : SettingConflict(row: row, now: SourcedValue(below))
    }

    private struct Place: Hashable {
        let setting: Setting
        let pattern: HostPattern?
    }

    private func changes(to new: SettingLayers) -> [ReloadReport.Change] {
        var rowsBySetting: [Setting: [SettingRow]] = [:]
        for row in exportRows() { rowsBySetting[row.key.setting, default: []].append(row) }
        return Self.places(in: file).union(Self.places(in: new)).compactMap { place -> ReloadReport.Change? in
            // `settings` is below `hosts: "*"`, which covers every pattern.
            let view = place.pattern.map { SettingView.pattern($0) } ?? .nowhere
            let before = file.entry(of: place.setting, in: view)
            let after = new.entry(of: place.setting, in: view)
            guard before.value != after.value else { return nil }
            let pattern = place.pattern ?? .any
            let hiding = (rowsBySetting[place.setting] ?? []).filter { ($0.key.pattern ?? .any).overlaps(pattern) }
            return ReloadReport.Change(
                setting: place.setting, pattern: place.pattern, before: SourcedValue(before),
                after: SourcedValue(after), hiddenBy: hiding,
                isHiddenEverywhere: hiding.contains { ($0.key.pattern ?? .any).covers(pattern) })
        }.sorted { a, b in
            (a.pattern?.description ?? "", a.setting.rawValue) < (b.pattern?.description ?? "", b.setting.rawValue)
        }
    }

    private static func places(in file: SettingLayers) -> Set<Place> {
        Set(
            file.allScopes.filter { $0.layer == .file || $0.layer == .filePattern }.flatMap { scope in
                scope.entries.keys.map { Place(setting: $0, pattern: scope.pattern) }
            })
    }
}
