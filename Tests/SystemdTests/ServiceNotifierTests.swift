import Glibc
import ProxyTypes
import Systemd
import Testing

@Suite("What the service manager is told")
struct ServiceNotifierTests {
    private let folder: TemporaryFolder
    private let manager: DatagramReceiver

    init() throws {
        folder = try TemporaryFolder()
        manager = try DatagramReceiver(folder.path + "/notify")
    }

    private func notifier(_ environment: [String: String] = [:]) throws -> ServiceNotifier {
        let environment = environment.merging(["NOTIFY_SOCKET": manager.path]) { own, _ in own }
        return try #require(ServiceNotifier(environment: environment, processID: 42))
    }

    @Test("each state is one datagram, in systemd's words")
    func words() throws {
        let notifier = try notifier()
        #expect(notifier.ready(status: "2 origins"))
        #expect(manager.next() == "READY=1\nSTATUS=2 origins")
        #expect(notifier.stopping(status: "3 exchanges"))
        #expect(manager.next() == "STOPPING=1\nSTATUS=3 exchanges")
        #expect(notifier.status("12 origins, 96.3% reuse"))
        #expect(manager.next() == "STATUS=12 origins, 96.3% reuse")
        #expect(notifier.watchdog())
        #expect(manager.next() == "WATCHDOG=1")
        #expect(manager.next() == nil)
    }

    @Test(
        "an extension is told in microseconds and never below zero",
        arguments: [
            (Interval.seconds(45), "45000000"), (.milliseconds(1), "1000"), (.zero, "0"), (.seconds(-1), "0"),
        ])
    func extend(interval: Interval, text: String) throws {
        try #expect(notifier().extendTimeout(by: interval))
        #expect(manager.next() == "EXTEND_TIMEOUT_USEC=" + text)
    }

    @Test("a manager that does not keep up holds up nobody, and is told each change of state later, in order")
    func busy() throws {
        let notifier = try notifier()
        while notifier.watchdog() {}
        #expect(!notifier.status("a line that the next one replaces"))
        #expect(notifier.ready(status: "1"))
        #expect(notifier.reloading())
        #expect(notifier.ready(status: "2"))
        var told: [String] = []
        while told.last != "READY=1\nSTATUS=2" {
            let text = try #require(manager.wait())
            if text != "WATCHDOG=1" { told.append(text) }
        }
        #expect(told.count == 3 && told.first == "READY=1\nSTATUS=1" && told[1].hasPrefix("RELOADING=1\n"))
        // From then on at once again.
        #expect(notifier.stopping(status: "3"))
        #expect(manager.next() == "STOPPING=1\nSTATUS=3")
    }

    @Test("a reload tells the monotonic time of its begin")
    func reloading() throws {
        let before = Self.monotonicMicroseconds()
        try #expect(notifier().reloading())
        let after = Self.monotonicMicroseconds()
        let lines = try #require(manager.next()).split(separator: "\n")
        #expect(lines.first == "RELOADING=1")
        let told = try #require(lines.last.flatMap { Int($0.dropFirst("MONOTONIC_USEC=".count)) })
        #expect((before...after).contains(told))
    }

    @Test("a status stays one line, so that it cannot assign anything else")
    func oneLine() throws {
        try #expect(notifier().ready(status: "a\nMAINPID=1\r\u{0}\u{7F}b\tc"))
        #expect(manager.next() == "READY=1\nSTATUS=a MAINPID=1   b c")
    }

    @Test("a status over 1024 bytes is cut between characters", arguments: [("x", 1024), ("é", 1024), ("…", 1023)])
    func bounded(character: String, length: Int) throws {
        try #expect(notifier().status(String(repeating: character, count: 5000)))
        let text = try #require(manager.next()).dropFirst("STATUS=".count)
        #expect(text.utf8.count == length)
        #expect(text.allSatisfy { String($0) == character })
    }

    @Test("an abstract socket is found by its @name")
    func abstract() throws {
        let name = "@" + folder.path
        let receiver = try DatagramReceiver(name)
        try #expect(notifier(["NOTIFY_SOCKET": name]).watchdog())
        #expect(receiver.next() == "WATCHDOG=1")
    }

    @Test(
        "without a usable NOTIFY_SOCKET there is nobody to tell",
        arguments: [
            nil, "", "@", "/", "notify", "vsock:2:1234", "/a\u{0}b", "/" + String(repeating: "n", count: 107),
            "@" + String(repeating: "n", count: 107),
        ])
    func nobody(socket: String?) {
        var environment: [String: String] = [:]
        environment["NOTIFY_SOCKET"] = socket
        #expect(ServiceNotifier(environment: environment, processID: 42) == nil)
    }

    @Test("the longest path that a socket can have is not too long")
    func longestPath() throws {
        let path = folder.path + "/" + String(repeating: "n", count: 106 - folder.path.utf8.count)
        let receiver = try DatagramReceiver(path)
        try #expect(notifier(["NOTIFY_SOCKET": path]).watchdog())
        #expect(receiver.next() == "WATCHDOG=1")
    }

    @Test("a manager that went away and came back is found again, and its absence is told")
    func restartedManager() throws {
        let path = folder.path + "/other"
        var receiver: DatagramReceiver? = try DatagramReceiver(path)
        let notifier = try notifier(["NOTIFY_SOCKET": path])
        #expect(notifier.watchdog())
        receiver = nil
        #expect(!notifier.watchdog())
        unlink(path)
        receiver = try DatagramReceiver(path)
        #expect(notifier.watchdog())
        #expect(receiver?.next() == "WATCHDOG=1")
    }

    @Test("a manager that does not read is not waited for")
    func neverWaits() throws {
        let notifier = try notifier()
        var sent = 0
        while notifier.watchdog(), sent < 1_000_000 { sent += 1 }
        #expect(sent < 1_000_000)
        #expect(manager.next() == "WATCHDOG=1")
        #expect(notifier.watchdog())
    }

    @Test(
        "a sign of life is due where WATCHDOG_USEC is a time and WATCHDOG_PID is absent or ours",
        arguments: [
            ("10000000", nil, Interval.seconds(10)), ("10000000", "42", .seconds(10)),
            ("1", "42", .init(nanoseconds: 1000)),
            ("10000000", "43", nil), ("10000000", "", nil), ("10000000", "x", nil),
            ("0", nil, nil), ("", nil, nil), ("-1", nil, nil), ("+1", nil, nil), ("1s", nil, nil), (nil, "42", nil),
            ("18446744073709551615", nil, nil), ("9223372036854775807", nil, nil),
        ] as [(String?, String?, Interval?)])
    func watchdogInterval(time: String?, process: String?, expected: Interval?) throws {
        var environment: [String: String] = [:]
        environment["WATCHDOG_USEC"] = time
        environment["WATCHDOG_PID"] = process
        try #expect(notifier(environment).watchdogInterval == expected)
    }

    private static func monotonicMicroseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }
}
