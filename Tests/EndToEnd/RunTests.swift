import Foundation
import Glibc
import TestSupport
import Testing

/// How earlier runs of connd ended: seen from outside (ExecStopPost=), told by the next start.
@Suite struct RunTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    private var folder: String { "\(state.path)/connd" }

    private func recordEnd(_ environment: [String: String]) throws -> Subprocess {
        try Subprocess.run(try RunningProxy.binary(), ["--record-end"], environment: environment)
    }

    /// What /metrics says, of those that are not 0; all of them are there.
    private func counts(_ proxy: RunningProxy) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try proxy.curl("GET", "/metrics").body.split(separator: "\n") {
            if let match = line.wholeMatch(of: /connd_runs_ended_total\{end="([a-z_]+)"\} ([0-9]+)/) {
                counts[String(match.1)] = Int(match.2)
            }
        }
        let all: Set = ["stopped", "failed", "killed", "crashed", "watchdog", "timeout", "out_of_memory", "unknown"]
        #expect(Set(counts.keys) == all)
        return counts.filter { $0.value != 0 }
    }

    @Test(
        "the next start tells how systemd says that the last run ended, and counts it",
        arguments: [
            ("exit-code", "exited", "1", "failed"), ("signal", "killed", "KILL", "killed"),
            ("signal", "killed", "SEGV", "crashed"), ("core-dump", "dumped", "TRAP", "crashed"),
            ("watchdog", "dumped", "ABRT", "watchdog"), ("timeout", "killed", "KILL", "timeout"),
            ("oom-kill", "killed", "KILL", "out_of_memory"), ("resources", "", "", "unknown"),
        ])
    func recorded(result: String, code: String, status: String, end: String) throws {
        let first = try RunningProxy(state: state)
        #expect(try first.read("/v1/status")["previous_end"] == .null)
        #expect(try counts(first) == [:])
        try first.killAtOnce()
        let run = try recordEnd([
            "STATE_DIRECTORY": folder, "SERVICE_RESULT": result, "EXIT_CODE": code, "EXIT_STATUS": status,
        ])
        #expect(run.exitCode == 0 && run.output.isEmpty && run.errors.isEmpty, "\(run)")
        let file = try String(contentsOfFile: "\(folder)/last-end", encoding: .utf8)
        #expect(file.hasPrefix(end + " ") && file.hasSuffix("\n"), "\(file)")
        let second = try RunningProxy(state: state)
        let told = try second.read("/v1/status")
        #expect(told["previous_end"].text == end)
        #expect(told["run"].int == 2)
        #expect(try second.connctl("status").output.contains("2; the previous one "))
        #expect(try counts(second) == [end: 1])
        // It is told of once.
        #expect(access("\(folder)/last-end", F_OK) != 0)
        second.terminate()
        #expect(try second.waitForEnd() == 0)
        let third = try RunningProxy(state: state)
        #expect(try third.read("/v1/status")["previous_end"].text == "stopped")
        #expect(try counts(third) == [end: 1, "stopped": 1])
    }

    @Test("where nobody records it a stop counts as stopped, and what could write nothing as unknown")
    func unrecorded() throws {
        var expected: [String: Int] = [:]
        for end in ["stopped", "unknown", "stopped", "unknown", "unknown"] {
            let proxy = try RunningProxy(state: state)
            #expect(try counts(proxy) == expected)
            if end == "stopped" {
                proxy.terminate()
                #expect(try proxy.waitForEnd() == 0)
            } else {
                try proxy.killAtOnce()
            }
            expected[end, default: 0] += 1
            let next = try RunningProxy(state: state)
            #expect(try next.read("/v1/status")["previous_end"].text == end)
            #expect(try counts(next) == expected)
            next.terminate()
            #expect(try next.waitForEnd() == 0)
            expected["stopped", default: 0] += 1
        }
    }

    @Test("a stop that systemd calls a success is one, a stop that took too long is what systemd says")
    func stopped() throws {
        for (result, end) in [("success", "stopped"), ("timeout", "timeout")] {
            let proxy = try RunningProxy(state: state)
            proxy.terminate()
            #expect(try proxy.waitForEnd() == 0)
            #expect(try recordEnd(["STATE_DIRECTORY": folder, "SERVICE_RESULT": result]).exitCode == 0)
            let next = try RunningProxy(state: state)
            #expect(try next.read("/v1/status")["previous_end"].text == end)
            #expect(try next.connctl("status").exitCode == 0)
            try next.killAtOnce()
        }
    }

    @Test("without a state directory it says for whom it is")
    func noDirectory() throws {
        let run = try recordEnd(["SERVICE_RESULT": "success"])
        #expect(run.exitCode == 1)
        for word in ["STATE_DIRECTORY", "ExecStopPost="] { #expect(run.errors.contains(word), "\(run)") }
    }

    @Test(
        "a file that is not systemd's word is ignored, and gone",
        arguments: ["", "crashed", "rubbish x y\n", "stopped a b c\n"])
    func rubbish(text: String) throws {
        let first = try RunningProxy(state: state)
        try first.killAtOnce()
        try text.write(toFile: "\(folder)/last-end", atomically: true, encoding: .utf8)
        let second = try RunningProxy(state: state)
        #expect(try second.read("/v1/status")["previous_end"].text == "unknown")
        #expect(access("\(folder)/last-end", F_OK) != 0)
    }
}
