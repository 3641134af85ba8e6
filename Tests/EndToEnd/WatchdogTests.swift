import Foundation
import Glibc
import TestSupport
import Testing

/// Signs of life for systemd's watchdog, from the data loop.
@Suite struct WatchdogTests {
    private let folder: ScratchFolder
    private let inbox: DatagramInbox

    init() throws {
        folder = try ScratchFolder()
        inbox = try DatagramInbox("\(folder.path)/notify")
    }

    private func start(_ environment: [String: String], state: StateFolder? = nil) throws -> RunningProxy {
        var environment = environment
        environment["NOTIFY_SOCKET"] = inbox.address
        return try RunningProxy(state: state, environment: environment)
    }

    private func signs() -> [DatagramInbox.Message] { inbox.messages.filter { $0["WATCHDOG"] == "1" } }

    @Test("at least two come in the time given, and not many more")
    func rate() throws {
        let proxy = try start(["WATCHDOG_USEC": "1000000"])
        let all = try inbox.wait(for: "five signs of life") { $0.count { $0["WATCHDOG"] == "1" } >= 5 }
        let times = all.filter { $0["WATCHDOG"] == "1" }.map(\.time)
        let length = try #require(times.last) - times[0]
        #expect(length < .milliseconds(500 * (times.count - 1)))
        #expect(length > .milliseconds(100 * (times.count - 1)))
        _ = proxy
    }

    @Test(
        "none come where none are due",
        arguments: [
            [:], ["WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "soon"],
        ])
    func none(environment: [String: String]) throws {
        let proxy = try start(environment, state: try StateFolder())
        // The second of the lines that come every few seconds: the first has no rate.
        try inbox.wait(forLine: "STATUS") { $0.contains("requests/s") }
        #expect(signs().isEmpty)
        _ = proxy
    }

    @Test(
        "a data loop that is stuck gives none, though the rest of connd is alive; when it goes on, they do",
        .enabled(if: getuid() == 0))
    func stuck() throws {
        let proxy = try start(["WATCHDOG_USEC": "200000"], state: try StateFolder())
        try inbox.wait(forLine: "WATCHDOG")
        let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Service/freeze.py").path
        let freezing = try ChildProcess("python3", [program, "\(proxy.pid)"])
        let state = try freezing.wait(for: "the loop to be stuck") { $0.outText.contains("frozen\n") || $0.hasEnded }
        #expect(!state.hasEnded, "\(state)")
        let count = signs().count
        let end = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < end { #expect(try proxy.curl("GET", "/v1/version").status == 200) }
        // One may have been on its way.
        #expect(signs().count <= count + 1)
        let origin = try FakeOrigin.answering()
        freezing.signal(SIGKILL)
        try freezing.waitForEnd()
        let stood = signs().count
        try inbox.wait(for: "signs of life again") { $0.count { $0["WATCHDOG"] == "1" } >= stood + 3 }
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
    }
}
