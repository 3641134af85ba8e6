import ConfigurationFile
import Reactor
import Synchronization

/// The current configuration, and how to read it again. Shared.
final class ConfigurationState: Sendable {
    struct State: Sendable {
        var loaded: LoadedConfiguration
        /// Milliseconds since 1970, UTC.
        var loadedAt: Int64
        /// Why the last reload was refused.
        var error: String?
    }

    /// Nil: built-in defaults.
    let path: String?
    private let options: CommandLineOptions
    private let log: LogTarget
    private let state: Mutex<State>

    init(_ loaded: LoadedConfiguration, options: CommandLineOptions, log: LogTarget) {
        path = options.config
        self.log = log
        self.options = options
        state = Mutex(State(loaded: loaded, loadedAt: SystemClock.wall()))
    }

    var current: State { state.withLock { $0 } }

    /// Takes over everything that does not need a restart.
    func replace(with fresh: LoadedConfiguration) {
        log.set(fresh.configuration.log)
        state.withLock { $0 = State(loaded: fresh.effective(afterReloadFrom: $0.loaded), loadedAt: SystemClock.wall()) }
    }

    func refused(_ reason: String) {
        state.withLock { $0.error = reason }
    }

    /// Reads the file again, with the command line options applied; problems are kept for the status.
    func read() throws(ConfigurationFailure) -> LoadedConfiguration {
        do {
            return try options.load()
        } catch {
            state.withLock { $0.error = "\(error)" }
            throw error
        }
    }
}
