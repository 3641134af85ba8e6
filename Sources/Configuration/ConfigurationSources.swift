package import Tuning

/// Where a value outside `settings` and `hosts` comes from; `SettingSource` says it for those. Value.
package enum ConfigurationSource: Hashable, Sendable, CustomStringConvertible {
    case standard
    case file(path: String, line: Int)
    case commandLine(option: String)

    package var description: String {
        switch self {
        case .standard: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .commandLine(let option): option
        }
    }
}

/// What was loaded, with where each part comes from. Value.
package struct LoadedConfiguration: Hashable, Sendable {
    package var configuration: Configuration
    /// By the path of the key, `proxy.listen`; what is absent is the default.
    package var sources: [String: ConfigurationSource]
    package var layers: SettingLayers

    /// Built-in defaults.
    package init() {
        configuration = Configuration()
        sources = [:]
        layers = SettingLayers()
    }

    package func source(of path: String) -> ConfigurationSource { sources[path] ?? .standard }
}
