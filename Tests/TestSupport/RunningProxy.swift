import Foundation
import Glibc

/// A connd for one test, on a port that the kernel chose. Killed when released. Shared.
package final class RunningProxy: Sendable {
    /// What determines where it listens.
    package enum Listening: Sendable {
        /// Options: on 127.0.0.1 at ports that the kernel chose, whatever the config file says.
        case byOptions
        /// The config file, and the sockets that are passed.
        case byFile
    }

    package let process: ChildProcess
    /// Of its first listener on 127.0.0.1.
    package let port: UInt16
    private let folder: ScratchFolder
    /// Its state; nil if it stores nothing and has no admin API.
    package let state: StateFolder?
    /// `http://127.0.0.1:…`; empty without an admin API.
    package let adminURL: String
    /// Its config file.
    package let configPath: String

    package var pid: Int32 { process.pid }
    package var authority: String { "127.0.0.1:\(port)" }
    package var url: String { "http://\(authority)" }

    /// `yaml` is its config file. `wrapper`: a program with arguments that becomes connd by exec. `state`: it has an
    /// admin API, and keeps there what it keeps; without, it has neither. `passing`: as systemd would pass them.
    package init(
        _ yaml: String = "", arguments: [String] = [], wrapper: [String] = [], state: StateFolder? = nil,
        environment: [String: String] = [:], listening: Listening = .byOptions, passing: [SocketUnit] = []
    ) throws {
        folder = try ScratchFolder()
        self.state = state
        configPath = try folder.write("connd.yaml", yaml)
        var options = ["--config", configPath, "--database", state?.database ?? ":memory:"]
        if listening == .byOptions { options += ["--listen", "127.0.0.1:0"] }
        if state == nil { options += ["--admin-listen", "none"] }
        if state != nil, listening == .byOptions { options += ["--admin-listen", "127.0.0.1:0"] }
        let command = wrapper + SocketUnit.wrapper(passing) + [try Self.binary("connd")] + options + arguments
        var all = ["XDG_STATE_HOME": state?.path ?? folder.path]
        all.merge(SocketUnit.environment(passing)) { $1 }
        all.merge(environment) { $1 }
        process = try ChildProcess(command[0], Array(command.dropFirst()), environment: all, passing: passing)
        let started = try process.wait(for: "connd to be ready") {
            $0.errText.contains(" info ready ") || $0.waitStatus != nil
        }
        guard started.waitStatus == nil else { throw TestFailure("connd did not start: \(started.errText)") }
        port = Self.address(in: started, after: " listening address=127.0.0.1:").flatMap { UInt16($0) } ?? 0
        guard listening == .byFile || port != 0 else {
            throw TestFailure("connd does not listen: \(started.errText)")
        }
        let admin = Self.address(in: started, after: " admin API listens address=") ?? ""
        adminURL = admin.isEmpty || admin.hasPrefix("unix:") ? admin : "http://\(admin)"
    }

    /// The rest of the word, in the first line that has it.
    private static func address(in output: ChildProcess.Output, after marker: String) -> String? {
        for line in lines(output) {
            if let range = line.firstRange(of: marker) { return String(line[range.upperBound...].prefix { $0 != " " }) }
        }
        return nil
    }

    /// $CONND or $CONNCTL, or what was built beside the tests.
    package static func binary(_ name: String = "connd") throws -> String {
        if let path = ProcessInfo.processInfo.environment[name.uppercased()] { return path }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = (tests as NSString).deletingLastPathComponent + "/" + name
        guard access(path, X_OK) == 0 else {
            throw TestFailure("there is no \(path): build \(name), or set \(name.uppercased())")
        }
        return path
    }

    /// Runs connctl against this connd, as its user would.
    package func connctl(
        _ arguments: [String], environment: [String: String] = [:], input: String = ""
    ) throws -> Subprocess {
        guard let state else { throw TestFailure("this connd has no admin API") }
        let usual = ["CONNCTL_ADMIN": adminURL, "XDG_STATE_HOME": state.path, "NO_COLOR": "1"]
        return try Subprocess.run(
            try Self.binary("connctl"), arguments, environment: usual.merging(environment) { $1 }, input: input)
    }

    @discardableResult
    package func connctl(_ arguments: String...) throws -> Subprocess { try connctl(arguments) }

    // MARK: Log and counters

    package var logLines: [String] { Self.lines(process.current) }

    package func waitForLog(_ part: String) throws {
        try process.wait(for: "connd to log `\(part)`") { $0.errText.contains(part) || $0.hasEnded }
        guard logLines.contains(where: { $0.contains(part) }) else {
            throw TestFailure("connd ended without logging `\(part)`")
        }
    }

    /// Its current counters, without those that are zero.
    package func totals() throws -> [String: Int] {
        let before = Self.totals(in: process.current).count
        process.signal(SIGUSR2)
        let output = try process.wait(for: "connd to log its totals") {
            Self.totals(in: $0).count > before || $0.waitStatus != nil
        }
        guard let totals = Self.totals(in: output).last else { throw TestFailure("connd has ended: \(output.errText)") }
        return totals
    }

    /// Polls the counters until `rule` holds, for those that nothing else shows.
    @discardableResult
    package func waitForTotals(_ what: String, _ rule: ([String: Int]) -> Bool) throws -> [String: Int] {
        let deadline = Date(timeIntervalSinceNow: Double(TestTimeout.milliseconds) / 1000)
        while true {
            let totals = try totals()
            if rule(totals) { return totals }
            guard Date() < deadline else { throw TestFailure("waited in vain for \(what); the totals: \(totals)") }
        }
    }

    private static func totals(in output: ChildProcess.Output) -> [[String: Int]] {
        lines(output).filter { $0.contains(" info totals") }.map { line in
            var totals: [String: Int] = [:]
            for word in line.split(separator: " ") {
                let pair = word.split(separator: "=")
                if pair.count == 2, let value = Int(pair[1]) { totals[String(pair[0])] = value }
            }
            return totals
        }
    }

    /// Only whole lines.
    static func lines(_ output: ChildProcess.Output) -> [String] {
        var lines = output.errText.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast()
        return lines
    }

    // MARK: Control

    package func terminate() {
        process.signal(SIGTERM)
    }

    @discardableResult
    package func waitForEnd() throws -> Int32 {
        try process.waitForEnd().exitCode ?? -1
    }

    /// All that reached connd before this call has been read by it afterwards: it answers requests in the order of its
    /// wake-ups, and this takes several.
    package func settle() throws {
        for _ in 0..<3 {
            let client = try ScriptedClient(self)
            try client.send("OPTIONS * HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
            guard try client.response().status == 200 else { throw TestFailure("OPTIONS * was not answered 200") }
        }
    }

    // MARK: Resources

    /// VmRSS, VmHWM, in KiB.
    package func memory(_ name: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }),
            let value = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) })
        else { throw TestFailure("/proc/\(pid)/status has no \(name)") }
        return value
    }

    /// Processor time used so far, in milliseconds.
    package func processorTime() throws -> Int {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The second field is the name in parentheses, which may hold spaces.
        guard let rest = stat.split(separator: ")").last?.split(separator: " "), rest.count > 12,
            let user = Int(rest[11]), let system = Int(rest[12])
        else { throw TestFailure("/proc/\(pid)/stat cannot be read") }
        return (user + system) * 1000 / Int(sysconf(Int32(_SC_CLK_TCK)))
    }
}
