package import ProxyTypes
package import Tuning

/// A socket setting that the kernel refused as an origin was dialled. Value.
package struct RefusedSetting: Hashable, Sendable {
    package let origin: Origin
    package let setting: Setting
    package let reason: String
}

/// What the kernel refused of an origin's socket settings, so that each refusal is reported once as long as the settings
/// stay the same. Value.
struct RefusedSettings {
    private var reasons: [SocketTuning.Refusal: String] = [:]

    var all: [(setting: Setting, reason: String)] {
        reasons.map { ($0.key.setting, $0.value) }.sorted { $0.setting.rawValue < $1.setting.rawValue }
    }

    /// Its reason, where it is new.
    mutating func note(_ refusal: SocketTuning.Refusal, _ settings: EffectiveSettings) -> String? {
        guard reasons[refusal] == nil else { return nil }
        let reason = SocketTuning.reason(refusal, settings)
        reasons[refusal] = reason
        return reason
    }

    /// The settings have changed.
    mutating func forget() { reasons = [:] }
}
