/// A value and its source, for display. Value.
package struct SourcedValue: Hashable, Sendable {
    package let value: SettingValue
    package let source: SettingSource

    init(_ entry: SettingEntry) {
        value = entry.value
        source = entry.source
    }
}

/// What a new file would change, computed before it is applied. Value.
package struct ReloadReport: Sendable {
    /// One value that the new or the old file gives for one pattern.
    package struct Change: Hashable, Sendable {
        package let setting: Setting
        /// Nil for the section `settings`, else an entry of `hosts`.
        package let pattern: HostPattern?
        package let before: SourcedValue
        package let after: SourcedValue
        /// The overrides and trials that hide it from some of its origins.
        package let hiddenBy: [SettingRow]
        /// Whether it is hidden from all of its origins.
        package let isHiddenEverywhere: Bool
    }

    package let changes: [Change]
    /// Conflicts that the new file introduces; after it is applied, `SettingOverrides.conflicts` lists all.
    package let newConflicts: [SettingConflict]
    package let file: SettingLayers

    /// Origins whose effective settings may change when it is applied.
    package var affectedOrigins: AffectedOrigins { AffectedOrigins(changes.map(\.pattern)) }
}

/// An override whose base has changed since it was set. Value.
package struct SettingConflict: Hashable, Sendable, CustomStringConvertible {
    /// Its `base` and `baseSource` say what applied below it when it was set.
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

/// An override or trial beside the value that would apply without it. Value.
package struct SettingDifference: Hashable, Sendable {
    package let row: SettingRow
    /// The value that would apply to the row's own pattern.
    package let without: SettingCandidate
    /// False where another row wins for the same pattern: a trial over an override.
    package let isInForce: Bool
    /// Set where the base has changed since.
    package let conflict: SettingConflict?
}
