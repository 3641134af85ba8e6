package import ProxyTypes

/// A requested edit of the settings of one pattern; names and values are not validated yet. Value.
package struct SettingEdit: Sendable {
    /// Nil: every origin.
    package var pattern: HostPattern?
    /// A nil input removes the override, so that the inherited value applies.
    package var values: [(name: String, input: SettingInput?)]
    package var reason: String?
    /// The length of the trial; nil for an override, which has no end.
    package var tryFor: Interval?

    package init(
        pattern: HostPattern?, values: [(name: String, input: SettingInput?)], reason: String? = nil,
        tryFor: Interval? = nil
    ) {
        self.pattern = pattern
        self.values = values
        self.reason = reason
        self.tryFor = tryFor
    }
}

/// One setting of an imported document, not validated yet. Value.
package struct ImportedSetting: Hashable, Sendable {
    /// Nil, empty or `*`: every origin.
    package var pattern: String?
    package var name: String
    package var input: SettingInput
    package var reason: String?
    /// The end of a trial in milliseconds since 1970, UTC; nil for an override. Trials that have ended are skipped.
    package var expiresAt: Int64?

    package init(
        pattern: String?, name: String, input: SettingInput, reason: String? = nil, expiresAt: Int64? = nil
    ) {
        self.pattern = pattern
        self.name = name
        self.input = input
        self.reason = reason
        self.expiresAt = expiresAt
    }

    /// As an export writes the row.
    package init(_ row: SettingRow) {
        self.init(
            pattern: row.key.pattern?.description, name: row.key.setting.name,
            input: .text(row.key.setting.write(row.value)), reason: row.reason, expiresAt: row.expiresAt)
    }

    /// Whether it names the same setting and pattern as the key.
    package func isOf(_ key: SettingKey) -> Bool {
        guard Setting(name: name) == key.setting else { return false }
        let pattern = pattern.flatMap { $0.isEmpty ? nil : try? HostPattern(parsing: $0) }
        return (pattern == .any ? nil : pattern) == key.pattern
    }
}
