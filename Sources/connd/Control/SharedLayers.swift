import ProxyTypes
import Synchronization
import Tuning

/// The current layers, for new pools on the data loop. Shared.
final class SharedLayers: Sendable {
    private let layers: Mutex<SettingLayers>

    init(_ layers: SettingLayers) {
        self.layers = Mutex(layers)
    }

    var current: SettingLayers { layers.withLock { $0 } }

    func replace(with new: SettingLayers) { layers.withLock { $0 = new } }

    func effective(for origin: Origin) -> EffectiveSettings { current.effective(for: origin) }
}
