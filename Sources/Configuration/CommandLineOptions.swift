package import ArgumentParser
import Glibc
import Tuning

/// What connd is told on its command line: reads it, and lays it over the config file. Value.
package struct CommandLineOptions: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "connd",
        abstract: "A forward HTTP proxy that keeps connections to origins open, shared, bounded and measured.",
        discussion: """
            Without arguments it listens on 127.0.0.1:3128 and [::1]:3128. Send a program's requests through it:

              http_proxy=http://127.0.0.1:3128 curl http://example.com/

            SIGTERM and SIGINT finish what runs within proxy.shutdown_grace, a second one stops at once; \
            SIGUSR1 reopens the access log.

            The config file is YAML. `connd --print-config` prints one with every key, its value and where that \
            comes from; a file with a wrong key or value is refused with line and reason.
            """,
        version: "connd \(ProductVersion.text)")

    @Option(help: ArgumentHelp("Read this config file; without it the built-in defaults hold.", valueName: "path"))
    package var config: String?

    @Flag(help: "Check the config file: print ok and exit 0, or all that is wrong with it and exit 1.")
    package var checkConfig = false

    @Flag(help: "Print the effective configuration, each value with its source, and exit.")
    package var printConfig = false

    @Option(
        help: ArgumentHelp(
            "Listen here instead of at proxy.listen: address:port (port 0: any) or unix:/path. May be repeated.",
            valueName: "address"))
    package var listen: [String] = []

    @Option(help: ArgumentHelp("Write the access log here: none, stdout, or a file.", valueName: "path"))
    package var accessLog: String?

    @Option(help: ArgumentHelp("Least severe messages shown: \(Self.levels).", valueName: "level"))
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
    /// The config file, or the defaults, with the options laid over.
    package func load() throws(ConfigurationFailure) -> LoadedConfiguration {
        var loaded =
            try config.map { path throws(ConfigurationFailure) in try ConfigurationLoader.load(path: path) }
            ?? LoadedConfiguration()
        var problems: [ConfigurationProblem] = []
        overrideListen(&loaded, &problems)
        overrideAccessLog(&loaded, &problems)
        overrideLogLevel(&loaded, &problems)
        guard problems.isEmpty else { throw ConfigurationFailure(problems) }
        return loaded
    }

    /// What --check-config or --print-config says; nil where neither was given.
    package func configurationAnswer() -> (output: String, errors: String, status: Int32)? {
        guard checkConfig || printConfig else { return nil }
        do {
            let loaded = try load()
            return (checkConfig ? "ok\n" : ConfigurationPrinter.print(loaded), "", 0)
        } catch {
            return ("", "\(error)\n", 1)
        }
    }

    /// Does what --check-config or --print-config asks and ends the process; returns where neither was given.
    package func runConfigurationActions() {
        guard let answer = configurationAnswer() else { return }
        Self.write(answer.output, to: STDOUT_FILENO)
        Self.write(answer.errors, to: STDERR_FILENO)
        Glibc.exit(answer.status)
    }

    private func overrideListen(_ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]) {
        guard !listen.isEmpty else { return }
        var addresses: [ListenAddress] = []
        for text in listen {
            do {
                let address = try ListenAddress(parsing: text)
                if !address.isLoopback, loaded.source(of: "proxy.allow_from") == .standard {
                    problems.append(.init("--listen", "\(address) \(ListenAddress.beyondLoopback)"))
                }
                if !address.hasAnyPort, addresses.contains(address) {
                    problems.append(.init("--listen", "\(address) is given twice"))
                }
                addresses.append(address)
            } catch {
                problems.append(.init("--listen", "\(error)"))
            }
        }
        loaded.configuration.proxy.listen = addresses
        loaded.sources["proxy.listen"] = .commandLine(option: "--listen")
    }

    private func overrideAccessLog(_ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]) {
        guard let accessLog else { return }
        do {
            let isPath = accessLog.contains("/") || !["none", "stdout", ""].contains(accessLog)
            let absolute = isPath && !accessLog.hasPrefix("/") ? Self.workingDirectory() + "/" + accessLog : accessLog
            loaded.configuration.accessLog.target = try AccessLogTarget(parsing: absolute)
            loaded.sources["access_log.path"] = .commandLine(option: "--access-log")
        } catch {
            problems.append(
                .init("--access-log", "must be none, stdout, or a file, not \(ValueProblem.quoted(accessLog))"))
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
        loaded.configuration.log.level = level
        loaded.sources["log.level"] = .commandLine(option: "--log-level")
    }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }
}
