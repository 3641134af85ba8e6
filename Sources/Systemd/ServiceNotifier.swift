import Dispatch
import Glibc
package import ProxyTypes
import Synchronization

/// Tells the service manager what state this service is in (sd_notify(3)); never waits for it, and reads nothing back.
/// Shared.
///
/// Each call is one datagram; false where it could not be sent. A manager that does not keep up is told again later of a
/// change of state: it would wait for a READY that was lost until the start or the reload times out.
package final class ServiceNotifier: Sendable {
    /// Longest STATUS text, in bytes.
    private static let statusLimit = 1024
    /// Changes of state that wait to be told. Beyond it the oldest is dropped: it is the last that counts.
    private static let backlogLimit = 16
    private static let retryDelay = DispatchTimeInterval.milliseconds(250)
    private static let aliveMessage: StaticString = "WATCHDOG=1"

    /// A sign of life is due this often, at the latest; nil where nobody waits for one.
    package let watchdogInterval: Interval?
    private let socket: DatagramSocket
    /// Not empty: a next try is due.
    private let backlog = Mutex<[String]>([])
    private let queue = DispatchQueue(label: "connd.service-notifier")

    /// Nil where nobody listens: NOTIFY_SOCKET is unset, empty, malformed, or not of the Unix family.
    package init?(environment: [String: String], processID: Int32) {
        guard let address = environment["NOTIFY_SOCKET"].flatMap(UnixAddress.init),
            let socket = DatagramSocket(to: address)
        else { return nil }
        self.socket = socket
        watchdogInterval = Self.watchdogInterval(environment: environment, processID: processID)
    }

    /// The end of a start or of a reload.
    @discardableResult
    package func ready(status: String) -> Bool { deliver("READY=1\nSTATUS=" + Self.oneLine(status)) }

    /// `ready` must follow.
    @discardableResult
    package func reloading() -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return deliver("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    @discardableResult
    package func stopping(status: String) -> Bool { deliver("STOPPING=1\nSTATUS=" + Self.oneLine(status)) }

    /// One line of free text for `systemctl status`; control characters become spaces, too long a text is cut.
    @discardableResult
    package func status(_ text: String) -> Bool { send("STATUS=" + Self.oneLine(text)) == 0 }

    /// A sign of life, cheap enough for the data loop: one system call on prepared bytes.
    @discardableResult
    package func watchdog() -> Bool {
        let bytes = UnsafeRawBufferPointer(
            start: Self.aliveMessage.utf8Start, count: Self.aliveMessage.utf8CodeUnitCount)
        return socket.send(bytes) == 0
    }

    /// Allows the start, reload or stop under way this long from now.
    @discardableResult
    package func extendTimeout(by interval: Interval) -> Bool {
        deliver("EXTEND_TIMEOUT_USEC=\(max(0, interval.microseconds))")
    }

    /// Now or, where the manager does not keep up, later, and in order.
    private func deliver(_ message: String) -> Bool {
        backlog.withLock { backlog in
            if backlog.isEmpty {
                let failure = send(message)
                guard Self.isBusy(failure) else { return failure == 0 }
                retryLater()
            }
            backlog.append(message)
            if backlog.count > Self.backlogLimit { backlog.removeFirst() }
            return true
        }
    }

    private func retryLater() {
        queue.asyncAfter(deadline: .now() + Self.retryDelay) { self.retry() }
    }

    private func retry() {
        backlog.withLock { backlog in
            while let first = backlog.first {
                guard !Self.isBusy(send(first)) else { return retryLater() }
                backlog.removeFirst()
            }
        }
    }

    private static func isBusy(_ failure: CInt) -> Bool { failure == EAGAIN || failure == ENOBUFS }

    /// 0, or the error's number.
    private func send(_ message: String) -> CInt {
        var message = message
        return message.withUTF8 { socket.send(UnsafeRawBufferPointer($0)) }
    }

    /// As sd_watchdog_enabled(3) reads it.
    private static func watchdogInterval(environment: [String: String], processID: Int32) -> Interval? {
        if let owner = environment["WATCHDOG_PID"], DecimalText.parse(owner, as: Int32.self) != processID { return nil }
        guard let count = environment["WATCHDOG_USEC"].flatMap({ DecimalText.parse($0, as: Int64.self) }), count > 0
        else { return nil }
        let (nanoseconds, overflow) = count.multipliedReportingOverflow(by: 1000)
        return overflow ? nil : Interval(nanoseconds: nanoseconds)
    }

    private static func oneLine(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        var room = statusLimit
        for scalar in text.unicodeScalars {
            // A newline would begin an assignment of its own, and systemd drops a STATUS that is not whole UTF-8.
            let shown = scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar
            room -= UTF8.width(shown)
            guard room >= 0 else { break }
            line.append(shown)
        }
        return String(line)
    }
}
