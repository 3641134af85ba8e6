import ProxyTypes

/// What one layer gives for one pattern. Value.
struct SettingSheet: Hashable, Sendable {
    let layer: SettingLayer
    /// Nil: every origin.
    let pattern: HostPattern?
    private let closeness: HostPattern.Closeness?
    private let text: String
    var entries: [Setting: SettingEntry] = [:]

    init(_ layer: SettingLayer, _ pattern: HostPattern?) {
        self.layer = layer
        self.pattern = pattern
        closeness = pattern?.closeness
        text = pattern?.description ?? ""
    }

    /// What wins comes last. The text makes the order of sheets that never meet at one origin a certain one.
    func comes(before other: SettingSheet) -> Bool {
        if layer != other.layer { return layer < other.layer }
        guard let closeness else { return other.closeness != nil }
        guard let theirs = other.closeness else { return false }
        return closeness == theirs ? text < other.text : closeness < theirs
    }
}

/// Whose settings are looked at.
enum SettingView {
    /// What holds where no pattern matches.
    case nowhere
    case origin(Origin)
    /// What holds for all that the pattern matches, unless a closer one says otherwise.
    case pattern(HostPattern)

    func sees(_ sheet: SettingSheet) -> Bool {
        guard let pattern = sheet.pattern else { return true }
        return switch self {
        case .nowhere: false
        case .origin(let origin): pattern.matches(origin)
        case .pattern(let other): pattern.covers(other)
        }
    }

    /// Nil where sheets of one host cannot matter.
    var host: HostPattern.Host? {
        switch self {
        case .nowhere: nil
        case .origin(let origin): HostPattern.Host(origin)
        case .pattern(let pattern): pattern.host
        }
    }
}
