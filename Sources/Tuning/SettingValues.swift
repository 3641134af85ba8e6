import ProxyTypes

/// One value for each setting, initially the default. Value.
package struct SettingValues: Hashable, Sendable {
    private var values: [SettingValue]

    private static let defaults = Setting.table.map(\.defaultValue)

    /// All defaults.
    package init() {
        values = Self.defaults
    }

    package subscript(setting: Setting) -> SettingValue {
        get { values[Int(setting.rawValue)] }
        set { values[Int(setting.rawValue)] = newValue }
    }
}

extension SettingValues {
    func number(_ setting: Setting) -> Int { optionalNumber(setting) ?? 0 }

    func optionalNumber(_ setting: Setting) -> Int? {
        switch self[setting] {
        case .count(let number), .percent(let number), .size(let number): return number
        case .unset: return nil
        default: return misfit(setting)
        }
    }

    func interval(_ setting: Setting) -> Interval { optionalInterval(setting) ?? .zero }

    func optionalInterval(_ setting: Setting) -> Interval? {
        switch self[setting] {
        case .duration(let interval): return interval
        case .unset: return nil
        default: return misfit(setting)
        }
    }

    func flag(_ setting: Setting) -> Bool {
        guard case .flag(let flag) = self[setting] else { return misfit(setting) ?? false }
        return flag
    }

    func word(_ setting: Setting) -> String? {
        switch self[setting] {
        case .word(let word): return word
        case .unset: return nil
        default: return misfit(setting)
        }
    }

    func choice<Choice: RawRepresentable<String>>(_ setting: Setting, or fallback: Choice) -> Choice {
        word(setting).flatMap(Choice.init(rawValue:)) ?? misfit(setting) ?? fallback
    }

    func keepalive(_ setting: Setting) -> TCPKeepalive? {
        switch self[setting] {
        case .keepalive(let keepalive): return keepalive
        case .unset: return nil
        default: return misfit(setting)
        }
    }

    func addresses(_ setting: Setting) -> [IPAddress] {
        switch self[setting] {
        case .addresses(let addresses): return addresses
        case .unset: return []
        default: return misfit(setting) ?? []
        }
    }

    func pins(_ setting: Setting) -> [PublicKeyPin] {
        switch self[setting] {
        case .pins(let pins): return pins
        case .unset: return []
        default: return misfit(setting) ?? []
        }
    }

    func clients(_ setting: Setting) -> [ClientPattern] {
        switch self[setting] {
        case .clients(let clients): return clients
        case .unset: return []
        default: return misfit(setting) ?? []
        }
    }

    private func misfit<Value>(_ setting: Setting) -> Value? {
        Invariant.broken("\(setting.name) holds a value of another kind: \(self[setting])")
        return nil
    }
}
