/// A value with where it comes from, as one line shows it. Value.
package struct SourcedValue: Hashable, Sendable {
    package let value: SettingValue
    package let source: SettingSource

    init(_ entry: SettingEntry) {
        value = entry.value
        source = entry.source
    }
}

/// What a new file changes, before it holds. Value.
package struct ReloadReport: Sendable {
    /// One value that the file gives, or gave, for one pattern.
    package struct Change: Hashable, Sendable {
        package let setting: Setting
        /// Nil: `settings`, not `hosts`.
        package let pattern: HostPattern?
        package let before: SourcedValue
        package let after: SourcedValue
        /// The overrides and trials that keep it from some of its origins.
        package let hiddenBy: [SettingRow]
        /// None of its origins gets it.
        package let isHiddenEverywhere: Bool
    }

    package let changes: [Change]
    /// Those that the new file makes; `SettingBook.conflicts` are all that there are then.
    package let newConflicts: [SettingConflict]
    package let file: SettingLayers

    /// Whose effective values may differ once it is applied.
    package var scope: PatternScope { PatternScope(changes.map(\.pattern)) }
}

/// An override that was set over something which is no longer what lies below it. Value.
package struct SettingConflict: Hashable, Sendable, CustomStringConvertible {
    /// With `base` and `baseSource`: what lay below it when it was set.
    package let row: SettingRow
    package let now: SourcedValue

    package var setting: Setting { row.key.setting }
    /// Nil: every origin.
    package var pattern: HostPattern? { row.key.pattern }

    package var description: String {
        let setting = row.key.setting
        return "`\(setting.name)` for \(pattern.map { "`\($0)`" } ?? "every origin"): \(row.actor) set "
            + "\(setting.write(row.value)) over \(setting.write(row.base)) (\(row.baseSource)), which is now "
            + "\(setting.write(now.value)) (\(now.source))"
    }
}

/// An override or a trial beside what would hold without it. Value.
package struct SettingDifference: Hashable, Sendable {
    package let row: SettingRow
    /// What would hold for the row's own pattern.
    package let without: SettingClaim
    /// False where another row wins for the row's own pattern: a trial over an override.
    package let isInForce: Bool
    /// What it was set over is no longer what lies below it.
    package let conflict: SettingConflict?
}
