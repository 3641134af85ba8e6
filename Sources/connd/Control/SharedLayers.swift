import ProxyTypes
import Synchronization
import Tuning

/// The current layers, for new pools on the data loop. Shared.
final class SharedLayers: Sendable {
    private struct State {
        let layers: SettingLayers
        /// Of the users that `intercept_except` names: the loop must not look them up.
        let users: [String: UInt32]

        init(_ layers: SettingLayers) {
            self.layers = layers
            users = layers.listedUsers.reduce(into: [:]) { $0[$1] = Users.number(of: $1) }
        }
    }

    private let state: Mutex<State>

    init(_ layers: SettingLayers) {
        state = Mutex(State(layers))
    }

    var current: SettingLayers { state.withLock { $0.layers } }

    /// Not to be called on the loop, because it looks users up.
    func replace(with new: SettingLayers) {
        let new = State(new)
        state.withLock { $0 = new }
    }

    func effective(for origin: Origin) -> EffectiveSettings {
        let state = state.withLock { $0 }
        var settings = state.layers.effective(for: origin)
        if !state.users.isEmpty { settings.interceptExcept.resolve(state.users) }
        return settings
    }
}
