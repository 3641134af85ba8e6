import ProxyTypes

/// The settings that one layer gives for one pattern. Value.
struct SettingScope: Hashable, Sendable {
    let layer: SettingLayer
    /// Nil: every origin.
    let pattern: HostPattern?
    private let specificity: HostPattern.Specificity?
    private let text: String
    var entries: [Setting: SettingEntry] = [:]

    init(_ layer: SettingLayer, _ pattern: HostPattern?) {
        self.layer = layer
        self.pattern = pattern
        specificity = pattern?.specificity
        text = pattern?.description ?? ""
    }

    /// The winner comes last. Scopes that never apply to the same origin are ordered by their text, to be
    /// deterministic.
    func precedes(_ other: SettingScope) -> Bool {
        if layer != other.layer { return layer < other.layer }
        guard let specificity else { return other.specificity != nil }
        guard let theirs = other.specificity else { return false }
        return specificity == theirs ? text < other.text : specificity < theirs
    }
}

/// Whose settings are resolved.
enum SettingView {
    /// Where no pattern matches.
    case nowhere
    case origin(Origin)
    /// The origins of the pattern, unless a more specific one overrides it.
    case pattern(HostPattern)

    func includes(_ scope: SettingScope) -> Bool {
        guard let pattern = scope.pattern else { return true }
        return switch self {
        case .nowhere: false
        case .origin(let origin): pattern.matches(origin)
        case .pattern(let other): pattern.covers(other)
        }
    }

    /// Nil where scopes of a single host cannot apply.
    var host: HostPattern.Host? {
        switch self {
        case .nowhere: nil
        case .origin(let origin): HostPattern.Host(origin)
        case .pattern(let pattern): pattern.host
        }
    }
}
