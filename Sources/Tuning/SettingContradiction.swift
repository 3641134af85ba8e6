/// Two settings that are each valid but contradict each other. Value.
package struct SettingContradiction: Hashable, Sendable {
    package let lower: Setting
    package let upper: Setting
    /// A complete sentence.
    package let text: String

    private static let rules: [(Setting, Setting)] = [
        (.minIdle, .maxConnections), (.minIdle, .maxIdle), (.dnsMinTTL, .dnsMaxTTL),
    ]

    /// Only contradictions that involve one of the named settings: an edit is not refused for others.
    package static func all(in values: SettingValues, touching named: Set<Setting>) -> [SettingContradiction] {
        rules.filter { lower, upper in
            // A setting that has no effect yet cannot contradict another.
            lower.isAvailable && upper.isAvailable && (named.contains(lower) || named.contains(upper))
                && exceeds(values[lower], values[upper])
        }.map { lower, upper in
            SettingContradiction(
                lower: lower, upper: upper,
                text: "`\(lower.name)` (\(lower.write(values[lower]))) must not be more than `\(upper.name)` "
                    + "(\(upper.write(values[upper])))")
        }
    }

    private static func exceeds(_ a: SettingValue, _ b: SettingValue) -> Bool {
        switch (a, b) {
        case (.count(let a), .count(let b)): a > b
        case (.duration(let a), .duration(let b)): a > b
        default: false
        }
    }
}

extension Setting {
    fileprivate var isAvailable: Bool { definition.availability == .now }

    /// Why this version does not support the value, continuing a sentence that begins with the setting's name; nil
    /// where it does.
    package func missing(for value: SettingValue) -> String? {
        guard case .notYet(let needs) = definition.availability, value != defaultValue else { return nil }
        return "can only be \(write(defaultValue)): \(write(value)) needs \(needs), which this version does not have"
    }
}
