import ArgumentParser
import ConfigurationFile
import Foundation
import ProxyTypes
import Testing
import Tuning

@Suite struct CommandLineTests {
    @Test("without arguments the built-in defaults hold")
    func defaults() throws {
        #expect(try CommandLineOptions.parse([]).load() == LoadedConfiguration())
    }

    @Test("options lie over the file, and say so")
    func overrides() throws {
        let options = try CommandLineOptions.parse([
            "--listen", "127.0.0.1:0", "--listen", "unix:/tmp/x.sock", "--access-log", "stdout", "--log-level", "debug",
        ])
        let loaded = try options.load()
        #expect(
            loaded.configuration.proxy.listen == [
                .tcp(IPAddress(ipv4: 0x7F00_0001), port: 0), .unix(path: "/tmp/x.sock"),
            ])
        #expect(loaded.configuration.accessLog.target == .stdout)
        #expect(loaded.configuration.log.level == .debug)
        #expect("\(loaded.source(of: "proxy.listen"))" == "--listen")
        #expect("\(loaded.source(of: "access_log.path"))" == "--access-log")
        #expect("\(loaded.source(of: "log.level"))" == "--log-level")
        #expect("\(loaded.source(of: "log.format"))" == "default")
    }

    @Test("where the admin API is, its token and the database may be given")
    func adminOptions() throws {
        let here = FileManager.default.currentDirectoryPath
        let loaded = try CommandLineOptions.parse([
            "--admin-listen", "127.0.0.1:0", "--admin-listen", "unix:/tmp/a.sock", "--admin-token-file", "t",
            "--database", "state/connd.db",
        ]).load()
        #expect(
            loaded.configuration.admin.listen == [
                .tcp(IPAddress(ipv4: 0x7F00_0001), port: 0), .unix(path: "/tmp/a.sock"),
            ])
        #expect(loaded.configuration.admin.tokenFile == here + "/t")
        #expect(loaded.configuration.database == here + "/state/connd.db")
        for (path, option) in [
            ("admin.listen", "--admin-listen"), ("admin.token_file", "--admin-token-file"), ("database", "--database"),
        ] { #expect("\(loaded.source(of: path))" == option) }
        let other = try CommandLineOptions.parse(["--admin-listen", "none", "--database", ":memory:"]).load()
        #expect(other.configuration.admin.listen == [])
        #expect("\(other.source(of: "admin.listen"))" == "--admin-listen")
        #expect(other.configuration.database == ":memory:")
        let printed = ConfigurationPrinter.print(other)
        #expect(try ConfigurationLoader.load(text: printed, file: "f").configuration == other.configuration)
    }

    @Test(
        "the proxy and the admin API do not get in one another's way",
        arguments: [
            (
                ["--listen", "127.0.0.1:3129"], "",
                "--listen: 127.0.0.1:3129 is where the admin API listens by default (127.0.0.1:3129)"
            ),
            (
                ["--admin-listen", "127.0.0.1:3128"], "",
                "--admin-listen: 127.0.0.1:3128 is where the proxy listens by default (127.0.0.1:3128)"
            ),
            (
                ["--listen", "127.0.0.1:1", "--admin-listen", "127.0.0.1:1"], "",
                "--admin-listen: 127.0.0.1:1 is where the proxy listens (--listen)"
            ),
            (
                ["--listen", "127.0.0.1:1"], "admin: { listen: ['127.0.0.1:1'] }",
                "--listen: 127.0.0.1:1 is where the admin API listens (FILE:1)"
            ),
            (
                ["--admin-listen", "127.0.0.1:1"], "proxy: { listen: ['127.0.0.1:1'] }",
                "--admin-listen: 127.0.0.1:1 is where the proxy listens (FILE:1)"
            ),
            (
                [], "proxy: { listen: ['127.0.0.1:3129'] }",
                "FILE:1: `proxy.listen`: 127.0.0.1:3129 is where the admin API listens by default (127.0.0.1:3129)"
            ),
            (
                [], "admin: { listen: ['[::]:3128'] }\nproxy: { allow_from: ['::/0'] }",
                "FILE:1: `admin.listen`: [::]:3128 is where the proxy listens by default ([::1]:3128)"
            ),
            (["--admin-listen", "none"], "proxy: { listen: ['127.0.0.1:3129'] }", nil),
            (["--listen", "127.0.0.1:1"], "proxy: { listen: ['127.0.0.1:3129'] }", nil),
            (
                ["--admin-listen", "none", "--admin-listen", "127.0.0.1:1"], "",
                "--admin-listen: none stands alone: give addresses or none"
            ),
            (
                ["--admin-listen", "127.0.0.1:1", "--admin-listen", "127.0.0.1:1"], "",
                "--admin-listen: 127.0.0.1:1 is given twice"
            ),
            (["--database", ""], "", "--database: must be :memory:, or a file, not empty"),
            (["--admin-token-file", "/etc/"], "", "--admin-token-file: must be a file, not `/etc/`"),
        ] as [([String], String, String?)])
    func collisions(arguments: [String], yaml: String, problem: String?) throws {
        let file = try TemporaryFile(yaml)
        let options = try CommandLineOptions.parse(arguments + ["--config", file.path])
        do {
            _ = try options.load(environment: ["HOME": "/root"])
            #expect(problem == nil)
        } catch {
            #expect(error.description.replacing(file.path, with: "FILE") == problem)
        }
    }

    @Test("an admin API beyond loopback needs allow_from, and a place for its token")
    func adminBeyondLoopback() throws {
        let file = try TemporaryFile("proxy: { allow_from: ['10.0.0.0/8'] }")
        let listen = ["--admin-listen", "10.0.0.1:3129"]
        let refused = try #require(throws: ConfigurationFailure.self) {
            try CommandLineOptions.parse(listen).load(environment: ["HOME": "/root"])
        }
        #expect(
            refused.description.hasPrefix("--admin-listen: 10.0.0.1:3129 is beyond loopback: the config file must say"))
        let options = try CommandLineOptions.parse(listen + ["--config", file.path])
        #expect(throws: Never.self) { try options.load(environment: ["HOME": "/root"]) }
        let homeless = try #require(throws: ConfigurationFailure.self) { try options.load(environment: [:]) }
        #expect(
            homeless.description
                == "--admin-listen: 10.0.0.1:3129 is beyond loopback, where changes need a token: name "
                + "its file in `admin.token_file`, for there is no state directory to make one in")
        let token = try CommandLineOptions.parse(listen + ["--config", file.path, "--admin-token-file", "/t"])
        #expect(throws: Never.self) { try token.load(environment: [:]) }
    }

    @Test("loading again reads the file again, and tells which changes need a restart")
    func loadAgain() throws {
        let file = try TemporaryFile("log: { level: info }")
        let options = try CommandLineOptions.parse(["--config", file.path, "--listen", "127.0.0.1:1"])
        let old = try options.load()
        #expect(try options.load().changesNeedingRestart(from: old) == [])
        try Data(
            """
            log: { level: debug, format: json }
            settings: { max_queue: 1 }
            hosts: { a.com: { max_queue: 2 } }
            proxy: { listen: ["127.0.0.1:2"], threads: 1, max_buffer: 1MiB }
            metrics: { max_origins: 7 }
            exchanges: { slow: 2s }
            """.utf8
        ).write(to: URL(filePath: file.path))
        let new = try options.load()
        #expect(new.changesNeedingRestart(from: old) == ["proxy.max_buffer"])
        let held = new.effective(afterReloadFrom: old)
        #expect(held.layers == new.layers && held.configuration.settings == new.configuration.settings)
        #expect(held.configuration.log.level == .debug && held.configuration.log.format == .json)
        #expect(held.configuration.metrics.maxOrigins == 7 && held.configuration.exchanges.slow == .seconds(2))
        #expect(held.configuration.proxy.listen == old.configuration.proxy.listen, "an option lies over the file")
        #expect(held.configuration.proxy.maxBuffer == old.configuration.proxy.maxBuffer)
        #expect(held.source(of: "log.level") == new.source(of: "log.level"))
        #expect(held.source(of: "proxy.max_buffer") == .standard)
        let changes = held.changes(from: old)
        #expect(changes.map(\.path) == ["metrics.max_origins", "exchanges.slow", "log.level", "log.format"])
        #expect(changes.last?.before == "auto" && changes.last?.after == "json")
        #expect(new.changesNeedingRestart(from: held) == ["proxy.max_buffer"])
    }

    @Test("a relative access log lies in the working directory")
    func relativeAccessLog() throws {
        let loaded = try CommandLineOptions.parse(["--access-log", "logs/access.log"]).load()
        let here = FileManager.default.currentDirectoryPath
        #expect(loaded.configuration.accessLog.target == .file(path: here + "/logs/access.log"))
    }

    @Test("wrong option values are all told")
    func wrongValues() throws {
        let options = try CommandLineOptions.parse([
            "--listen", "0.0.0.0:3128", "--listen", "x", "--access-log", "", "--log-level", "loud", "--check-config",
        ])
        let answer = try #require(options.configurationAnswer())
        #expect(answer.status == 1)
        #expect(answer.output.isEmpty)
        #expect(
            answer.errors == """
                --listen: 0.0.0.0:3128 is beyond loopback: the config \
                file must say in `proxy.allow_from` who may connect
                --listen: must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an \
                absolute path, not `x`
                --access-log: must be none, stdout, journald, or a file, not empty
                --log-level: must be trace, debug, info, notice, warning, error or critical, not `loud`

                """)
    }

    @Test("--check-config says ok, or all that is wrong")
    func checkConfig() throws {
        let right = try TemporaryFile("settings: { max_queue: 1 }\n")
        let good = try #require(
            CommandLineOptions.parse(["--check-config", "--config", right.path]).configurationAnswer())
        #expect(good == CommandLineAnswer(output: "ok\n"))
        let wrong = try TemporaryFile("settings: { max_queue: x }\nlgo: {}\n")
        let bad = try #require(
            CommandLineOptions.parse(["--check-config", "--config", wrong.path]).configurationAnswer())
        #expect(bad.status == 1)
        #expect(
            bad.errors == """
                \(wrong.path):1:24: `max_queue` must be 0 to 100000, not `x`
                \(wrong.path):2:1: unknown key `lgo`; did you mean `log`?

                """)
    }

    @Test("--print-config prints what holds, and it reads back")
    func printConfig() throws {
        let options = try CommandLineOptions.parse(["--print-config", "--listen", "127.0.0.1:8080"])
        let answer = try #require(options.configurationAnswer())
        #expect(answer.status == 0)
        #expect(answer.output.contains("  listen: [\"127.0.0.1:8080\"]"))
        #expect(answer.output.contains("# --listen\n"))
        let again = try ConfigurationLoader.load(text: answer.output, file: "f")
        #expect(again.configuration == (try options.load()).configuration)
    }

    @Test("without either nothing is answered")
    func noAnswer() throws {
        #expect(try CommandLineOptions.parse([]).configurationAnswer() == nil)
    }

    @Test(
        "unknown options, stray arguments and contradictions are refused",
        arguments: [
            ["--confg", "x"], ["x"], ["--config"], ["--check-config", "--print-config"],
        ])
    func refused(arguments: [String]) {
        #expect(throws: (any Error).self) { try CommandLineOptions.parse(arguments) }
    }

    @Test("--help says how to use the proxy, --version which it is")
    func help() throws {
        let help = CommandLineOptions.helpMessage()
        for part in [
            "http_proxy=", "SIGTERM", "SIGHUP", "SIGUSR1", "--database <path>", "--admin-listen <address>",
            "--admin-token-file <path>", "--config <path>", "--check-config", "--print-config", "--version",
        ] {
            #expect(help.contains(part), "\(part)")
        }
        #expect(CommandLineOptions.configuration.version.hasPrefix("connd "))
    }
}

/// A file that goes when its holder goes. Shared by nobody.
private final class TemporaryFile {
    let path: String

    init(_ text: String) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "connd-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: url)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
