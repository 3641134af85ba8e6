import AdminModels
package import ArgumentParser
import Glibc
import ProxyTypes
import Tuning

/// connd's command line: parses it, and applies it on top of the config file. Value.
package struct CommandLineOptions: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "connd",
        abstract: "A forward HTTP proxy that keeps connections to origins open, shared, bounded and measured.",
        discussion: """
            Without arguments it listens on 127.0.0.1:3128 and [::1]:3128. Send a program's requests through it:

              http_proxy=http://127.0.0.1:3128 curl http://example.com/

            SIGTERM and SIGINT let running exchanges finish within proxy.shutdown_grace; a second one stops at once. \
            SIGHUP reloads the config file: everything except proxy.max_buffer, proxy.threads and database takes effect \
            immediately, and an invalid file changes nothing. SIGUSR1 reopens the access log.

            The config file is YAML. `connd --print-config` prints one with every key, its value and the value's source; \
            an unknown key or an invalid value is refused with line and reason.
            """,
        version: "connd \(ProductVersion.text)")

    @Option(help: ArgumentHelp("Read this config file; without it, the built-in defaults apply.", valueName: "path"))
    package var config: String?

    @Flag(help: "Check the config file: print ok and exit 0, or print every problem and exit 1.")
    package var checkConfig = false

    @Flag(help: "Print the effective configuration, each value with its source, and exit.")
    package var printConfig = false

    @Option(
        help: ArgumentHelp(
            "Listen here instead of at proxy.listen: address:port (port 0: any) or unix:/path. May be repeated.",
            valueName: "address"))
    package var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Serve the admin API here instead of at admin.listen: address:port, unix:/path, or none. "
                + "May be repeated.",
            valueName: "address"))
    package var adminListen: [String] = []

    @Option(
        help: ArgumentHelp(
            "File with the bearer token that is required for changes over TCP. Default: admin.token_file, else "
                + "admin.token in the state directory, created at the first start.",
            valueName: "path"))
    package var adminTokenFile: String?

    @Option(
        help: ArgumentHelp(
            "Keep settings and measurements in this SQLite file; :memory: keeps them only until connd exits. "
                + "Default: database of the config file, else connd.db in the state directory.",
            valueName: "path"))
    package var database: String?

    @Flag(
        help: ArgumentHelp(
            "For systemd's ExecStopPost=: record in $STATE_DIRECTORY how the service ended ($SERVICE_RESULT), so that "
                + "the next start counts it, and exit."))
    package var recordEnd = false

    @Option(help: ArgumentHelp("Write the access log here: none, stdout, journald, or a file.", valueName: "path"))
    package var accessLog: String?

    @Option(help: ArgumentHelp("Least severe messages to log: \(Self.levels).", valueName: "level"))
    package var logLevel: String?

    package init() {}

    package func validate() throws {
        if checkConfig && printConfig {
            throw ValidationError("--check-config and --print-config: give one of them.")
        }
    }

    private static let levels = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
}

extension CommandLineOptions {
    /// The config file, or the defaults, with the options applied. Reads the file each time.
    package func load(
        environment: [String: String] = Self.stateEnvironment
    ) throws(ConfigurationFailure) -> LoadedConfiguration {
        var loaded =
            try config.map { path throws(ConfigurationFailure) in try ConfigurationLoader.load(path: path) }
            ?? LoadedConfiguration()
        var problems: [ConfigurationProblem] = []
        overrideListen("--listen", "proxy.listen", listen, \.proxy.listen, &loaded, &problems)
        let isNowhere = adminListen == ["none"]
        overrideListen(
            "--admin-listen", "admin.listen", isNowhere ? [] : adminListen, \.admin.listen, &loaded, &problems)
        if isNowhere { loaded.override("admin.listen", "--admin-listen") { $0.admin.listen = [] } }
        overridePaths(&loaded, &problems)
        overrideAccessLog(&loaded, &problems)
        overrideLogLevel(&loaded, &problems)
        problems += loaded.listenerProblems(environment: environment)
        guard problems.isEmpty else { throw ConfigurationFailure(problems) }
        return loaded
    }

    /// The variables that determine the state directory.
    package static var stateEnvironment: [String: String] {
        var environment: [String: String] = [:]
        for name in ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        return environment
    }

    /// The output of --check-config or --print-config; nil where neither was given.
    package func configurationAnswer() -> CommandLineAnswer? {
        guard checkConfig || printConfig else { return nil }
        do {
            let loaded = try load()
            return CommandLineAnswer(output: checkConfig ? "ok\n" : ConfigurationPrinter.print(loaded))
        } catch {
            return CommandLineAnswer(errors: "\(error)\n", status: 1)
        }
    }

    private func overrideListen(
        _ option: String, _ path: String, _ texts: [String],
        _ property: WritableKeyPath<Configuration, [ListenAddress]>,
        _ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]
    ) {
        guard !texts.isEmpty else { return }
        var addresses: [ListenAddress] = []
        for text in texts {
            if option == "--admin-listen", text == "none" {
                problems.append(.init(option, "none stands alone: give addresses or none"))
                continue
            }
            do {
                let address = try ListenAddress(parsing: text)
                if !address.isLoopback, loaded.source(of: "proxy.allow_from") == .standard {
                    problems.append(.init(option, "\(address) \(ListenAddress.beyondLoopback)"))
                }
                if let other = addresses.first(where: { $0.collides(with: address) }) {
                    problems.append(.init(option, "\(address) \(address.collision(with: other))"))
                }
                addresses.append(address)
            } catch {
                problems.append(.init(option, "\(error)"))
            }
        }
        loaded.override(path, option) { $0[keyPath: property] = addresses }
    }

    private func overridePaths(_ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]) {
        if let database {
            if database == Configuration.memory {
                loaded.override("database", "--database") { $0.database = database }
            } else if let path = Self.absolute(database) {
                loaded.override("database", "--database") { $0.database = path }
            } else {
                problems.append(
                    .init("--database", "must be :memory:, or a file, not \(ValueProblem.quoted(database))"))
            }
        }
        if let adminTokenFile {
            if let path = Self.absolute(adminTokenFile) {
                loaded.override("admin.token_file", "--admin-token-file") { $0.admin.tokenFile = path }
            } else {
                problems.append(
                    .init("--admin-token-file", "must be a file, not \(ValueProblem.quoted(adminTokenFile))"))
            }
        }
    }

    /// Nil without a config file.
    private static func absolute(_ path: String) -> String? {
        guard !path.isEmpty, !path.hasSuffix("/"), !path.utf8.contains(0) else { return nil }
        return path.hasPrefix("/") ? path : workingDirectory() + "/" + path
    }

    private func overrideAccessLog(_ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]) {
        guard let accessLog else { return }
        do {
            let isPath = accessLog.contains("/") || !["none", "stdout", "journald", ""].contains(accessLog)
            let absolute = isPath ? Self.absolute(accessLog) ?? accessLog : accessLog
            let target = try AccessLogTarget(parsing: absolute)
            loaded.override("access_log.path", "--access-log") { $0.accessLog.target = target }
        } catch {
            problems.append(
                .init(
                    "--access-log", "must be none, stdout, journald, or a file, not \(ValueProblem.quoted(accessLog))"))
        }
    }

    private func overrideLogLevel(_ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]) {
        guard let logLevel else { return }
        guard let level = LogLevel(rawValue: logLevel) else {
            let problem = ValueProblem(
                allowed: SettingKind.choice(LogLevel.allCases.map(\.rawValue)).allowed, text: logLevel)
            problems.append(.init("--log-level", "\(problem)"))
            return
        }
        loaded.override("log.level", "--log-level") { $0.log.level = level }
    }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }
}

/// The output and exit code for options such as --print-config. Value.
package struct CommandLineAnswer: Hashable, Sendable {
    package let output: String
    package let errors: String
    package let status: Int32

    package init(output: String = "", errors: String = "", status: Int32 = 0) {
        self.output = output
        self.errors = errors
        self.status = status
    }
}
