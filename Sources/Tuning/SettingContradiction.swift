/// Two settings that are each valid but contradict each other. Value.
package struct SettingContradiction: Hashable, Sendable {
    package let first: Setting
    package let second: Setting
    /// A complete sentence.
    package let text: String

    private enum Rule {
        case atMost(Setting, Setting)
        /// Neither works without the other.
        case together(Setting, Setting)

        var settings: (first: Setting, second: Setting) {
            switch self {
            case .atMost(let first, let second), .together(let first, let second): (first, second)
            }
        }
    }

    private static let rules: [Rule] = [
        .atMost(.minIdle, .maxConnections), .atMost(.minIdle, .maxIdle), .atMost(.dnsMinTTL, .dnsMaxTTL),
        .together(.tlsClientCert, .tlsClientKey),
    ]

    /// Only contradictions that involve one of the named settings: an edit is not refused for others.
    package static func all(in values: SettingValues, touching named: Set<Setting>) -> [SettingContradiction] {
        rules.compactMap { rule in
            let (first, second) = rule.settings
            // A setting that has no effect yet cannot contradict another.
            guard first.isAvailable, second.isAvailable, named.contains(first) || named.contains(second),
                let text = text(rule, values)
            else { return nil }
            return SettingContradiction(first: first, second: second, text: text)
        }
    }

    /// Nil where the values do not break the rule.
    private static func text(_ rule: Rule, _ values: SettingValues) -> String? {
        switch rule {
        case .atMost(let lower, let upper):
            guard exceeds(values[lower], values[upper]) else { return nil }
            return "\(named(lower, values)) must not be more than \(named(upper, values))"
        case .together(let one, let other):
            switch (values[one], values[other]) {
            case (.unset, .unset): return nil
            case (_, .unset): return "\(named(one, values)) needs `\(other.name)` too, which is not set"
            case (.unset, _): return "\(named(other, values)) needs `\(one.name)` too, which is not set"
            case (_, _): return nil
            }
        }
    }

    private static func named(_ setting: Setting, _ values: SettingValues) -> String {
        "`\(setting.name)` (\(setting.write(values[setting])))"
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
