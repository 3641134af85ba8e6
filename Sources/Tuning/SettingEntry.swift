/// Where a setting's value comes from.
package enum SettingSource: Hashable, Sendable, CustomStringConvertible {
    case standard
    case learned
    case file(path: String, line: Int)
    case override
    case trial

    package var description: String {
        switch self {
        case .standard: "default"
        case .learned: "learned"
        case .file(let path, let line): "\(path):\(line)"
        case .override: "override"
        case .trial: "trial"
        }
    }
}

/// A value with its source: who set it, when, why, and over what. Value.
package struct SettingEntry: Hashable, Sendable {
    package var value: SettingValue
    package var source: SettingSource
    package var actor: String?
    package var reason: String?
    /// Milliseconds since 1970, UTC.
    package var time: Int64?
    /// What applied below it when it was set, to detect a later change of that.
    package var base: SettingValue?

    package init(
        _ value: SettingValue, source: SettingSource, actor: String? = nil, reason: String? = nil, time: Int64? = nil,
        base: SettingValue? = nil
    ) {
        self.value = value
        self.source = source
        self.actor = actor
        self.reason = reason
        self.time = time
        self.base = base
    }
}

/// In order of precedence: a later layer overrides an earlier one.
package enum SettingLayer: UInt8, CaseIterable, Comparable, Hashable, Sendable {
    case standard, learned, file, filePattern, override, trial

    package static func < (a: SettingLayer, b: SettingLayer) -> Bool { a.rawValue < b.rawValue }
}
