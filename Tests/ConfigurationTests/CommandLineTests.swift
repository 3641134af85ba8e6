import ArgumentParser
import Configuration
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
                --access-log: must be none, stdout, or a file, not empty
                --log-level: must be trace, debug, info, notice, warning, error or critical, not `loud`

                """)
    }

    @Test("--check-config says ok, or all that is wrong")
    func checkConfig() throws {
        let right = try TemporaryFile("settings: { max_queue: 1 }\n")
        let good = try #require(
            CommandLineOptions.parse(["--check-config", "--config", right.path]).configurationAnswer())
        #expect(good == ("ok\n", "", 0))
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
            "http_proxy=", "SIGTERM", "SIGUSR1", "--config <path>", "--check-config", "--print-config", "--version",
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
