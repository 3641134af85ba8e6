import Dispatch
import Glibc
package import ProxyTypes
import Synchronization

/// Notifies the service manager of the service's state (sd_notify(3)). Never blocks, and reads no reply.
/// Shared.
///
/// Each call sends one datagram and returns false if that failed. Changes of state are sent again when the manager does
/// not keep up, since a start or reload would time out after a lost READY.
package final class ServiceNotifier: Sendable {
    /// The longest STATUS text, in bytes.
    private static let statusLimit = 1024
    /// The most changes of state to retry. Beyond it the oldest is dropped, as only the last matters.
    private static let backlogLimit = 16
    private static let retryDelay = DispatchTimeInterval.milliseconds(250)
    private static let aliveMessage: StaticString = "WATCHDOG=1"

    /// The watchdog interval; nil where the watchdog is off.
    package let watchdogInterval: Interval?
    private let socket: DatagramSocket
    /// While not empty, a retry is scheduled.
    private let backlog = Mutex<[String]>([])
    private let queue = DispatchQueue(label: "connd.service-notifier")

    /// Nil without a manager: NOTIFY_SOCKET is unset, empty, malformed, or not a Unix address.
    package init?(environment: [String: String], processID: Int32) {
        guard let address = environment["NOTIFY_SOCKET"].flatMap(UnixAddress.init),
            let socket = DatagramSocket(to: address)
        else { return nil }
        self.socket = socket
        watchdogInterval = Self.watchdogInterval(environment: environment, processID: processID)
    }

    /// Ends a start or a reload.
    @discardableResult
    package func ready(status: String) -> Bool { deliver("READY=1\nSTATUS=" + Self.oneLine(status)) }

    /// Must be followed by `ready`.
    @discardableResult
    package func reloading() -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return deliver("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    @discardableResult
    package func stopping(status: String) -> Bool { deliver("STOPPING=1\nSTATUS=" + Self.oneLine(status)) }

    /// One line for `systemctl status`; control characters become spaces, and long texts are cut.
    @discardableResult
    package func status(_ text: String) -> Bool { send("STATUS=" + Self.oneLine(text)) == 0 }

    /// Feeds the watchdog. Cheap enough for the data loop: one system call on prepared bytes.
    @discardableResult
    package func watchdog() -> Bool {
        let bytes = UnsafeRawBufferPointer(
            start: Self.aliveMessage.utf8Start, count: Self.aliveMessage.utf8CodeUnitCount)
        return socket.send(bytes) == 0
    }

    /// Extends the timeout of the current start, reload or stop to this long from now.
    @discardableResult
    package func extendTimeout(by interval: Interval) -> Bool {
        deliver("EXTEND_TIMEOUT_USEC=\(max(0, interval.microseconds))")
    }

    /// Sends now, or later in order where the manager does not keep up.
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

    /// Returns 0 or `errno`.
    private func send(_ message: String) -> CInt {
        var message = message
        return message.withUTF8 { socket.send(UnsafeRawBufferPointer($0)) }
    }

    /// As sd_watchdog_enabled(3).
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
            // A newline would begin another assignment, and systemd drops a STATUS that is not valid UTF-8.
            let shown = scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar
            room -= UTF8.width(shown)
            guard room >= 0 else { break }
            line.append(shown)
        }
        return String(line)
    }
}
