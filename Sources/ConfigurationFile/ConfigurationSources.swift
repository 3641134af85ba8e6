import ProxyTypes
package import Tuning

/// The source of a value outside `settings` and `hosts`, which have `SettingSource`. Value.
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

/// A loaded configuration with the source of each part. Value.
package struct LoadedConfiguration: Hashable, Sendable {
    package var configuration: Configuration
    /// By the path of the key, such as `proxy.listen`; absent for defaults.
    package var sources: [String: ConfigurationSource]
    package var layers: SettingLayers

    /// Built-in defaults.
    package init() {
        configuration = Configuration()
        sources = [:]
        layers = SettingLayers()
    }

    package func source(of path: String) -> ConfigurationSource { sources[path] ?? .standard }

    /// Each with its place in the file.
    package var gateways: [FileGateway] {
        configuration.gateways.map { FileGateway($0, place: "\(source(of: "gateways.\($0.name)"))") }
    }

    /// Whether connd listens at the default addresses, written out or not.
    package var proxyListensByDefault: Bool { configuration.proxy.listen == Configuration().proxy.listen }
    package var adminListensByDefault: Bool { configuration.admin.listen == Configuration().admin.listen }
}

extension LoadedConfiguration {
    /// Paths of keys that need a restart. All others apply with a reload.
    private static let needRestart: Set = ["proxy.max_buffer", "proxy.threads", "database"]

    /// The configuration in force after a process that runs `old` has reloaded this one: keys that need a restart keep
    /// the old values.
    package func effective(afterReloadFrom old: LoadedConfiguration) -> LoadedConfiguration {
        var held = self
        held.configuration.proxy.maxBuffer = old.configuration.proxy.maxBuffer
        held.configuration.proxy.threads = old.configuration.proxy.threads
        held.configuration.database = old.configuration.database
        for path in Self.needRestart { held.sources[path] = old.sources[path] }
        return held
    }

    /// Changed keys outside `settings` and `hosts`, as YAML, in the order of `--print-config`.
    package func changes(from old: LoadedConfiguration) -> [(path: String, before: String, after: String)] {
        ConfigurationTable.keys.compactMap { key in
            let (before, after) = (key.write(old.configuration), key.write(configuration))
            return before == after ? nil : (key.path, before, after)
        }
    }

    /// Paths of changed keys that need a restart, in the order of `--print-config`.
    package func changesNeedingRestart(from old: LoadedConfiguration) -> [String] {
        ConfigurationTable.keys.filter { key in
            Self.needRestart.contains(key.path) && key.write(configuration) != key.write(old.configuration)
        }.map(\.path)
    }

    mutating func override(_ path: String, _ option: String, _ change: (inout Configuration) -> Void) {
        change(&configuration)
        sources[path] = .commandLine(option: option)
    }

    /// Problems of defaults, file and options combined: listeners of proxy and admin API that collide, and an admin API
    /// beyond loopback without a place for its token.
    func listenerProblems(environment: [String: String]) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        let proxySource = source(of: "proxy.listen")
        let adminSource = source(of: "admin.listen")
        for admin in configuration.admin.listen {
            for proxy in configuration.proxy.listen where admin.collides(with: proxy) {
                switch (proxySource, adminSource) {
                // Both in the file: reported there, with line and column.
                case (.file, .file): break
                case (_, .standard):
                    problems.append(
                        problem("proxy.listen", "\(proxy) is where the admin API listens by default (\(admin))"))
                case (.standard, _):
                    problems.append(
                        problem("admin.listen", "\(admin) is where the proxy listens by default (\(proxy))"))
                case (.commandLine, .file):
                    problems.append(problem("proxy.listen", "\(proxy) is where the admin API listens (\(adminSource))"))
                case (_, .commandLine):
                    problems.append(problem("admin.listen", "\(admin) is where the proxy listens (\(proxySource))"))
                }
            }
            if !admin.isLoopback, configuration.adminTokenPath(environment: environment) == nil {
                problems.append(
                    problem(
                        "admin.listen",
                        "\(admin) is beyond loopback, where changes need a token: name its file in `admin.token_file`, "
                            + "for there is no state directory to make one in"))
            }
        }
        return problems
    }

    private func problem(_ path: String, _ text: String) -> ConfigurationProblem {
        switch source(of: path) {
        case .commandLine(let option): ConfigurationProblem(option, text)
        case .file(let file, let line): ConfigurationProblem(file, line: line, "`\(path)`: \(text)")
        case .standard: ConfigurationProblem("default", "`\(path)`: \(text)")
        }
    }
}
