package import ProxyTypes

/// What somebody wants of the settings of one pattern, as it arrived: names and values are not judged yet. Value.
package struct SettingEdit: Sendable {
    /// Nil: every origin.
    package var pattern: HostPattern?
    /// Nil returns to the inherited value.
    package var values: [(name: String, input: SettingInput?)]
    package var reason: String?
    /// Nil: until it is set again.
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

/// One value of a document that is imported, as it arrived. Value.
package struct ImportedSetting: Hashable, Sendable {
    /// Nil, empty or `*`: every origin.
    package var pattern: String?
    package var name: String
    package var input: SettingInput
    package var reason: String?
    /// Milliseconds since 1970, UTC: a trial. One that is over is passed by.
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

    /// What an export holds of a row.
    package init(_ row: SettingRow) {
        self.init(
            pattern: row.key.pattern?.description, name: row.key.setting.name,
            input: .text(row.key.setting.write(row.value)), reason: row.reason, expiresAt: row.expiresAt)
    }

    /// Whether it is what became of this key.
    package func isOf(_ key: SettingKey) -> Bool {
        guard Setting(name: name) == key.setting else { return false }
        let pattern = pattern.flatMap { $0.isEmpty ? nil : try? HostPattern(parsing: $0) }
        return (pattern == .any ? nil : pattern) == key.pattern
    }
}
