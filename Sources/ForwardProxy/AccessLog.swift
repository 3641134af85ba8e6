import Pooling
import ProxyTypes
package import Systemd
import Synchronization
import Dispatch

#if canImport(Glibc)
    import Glibc
#endif

/// One line per exchange, formatted on the loop into memory and written by a thread of its own: a slow disk costs lines,
/// which are counted, never time. Shared.
package final class AccessLog: Sendable {
    package enum Format: Sendable {
        case json, text
    }

    package enum Destination: Sendable {
        case none
        case standardOutput
        case file(String)
        case journal(Journal)
    }

    /// Where lines are to go from now on, opened already: what can fail has not failed.
    package struct Opened: Sendable {
        let destination: Destination
        let format: Format
        let descriptor: CInt

        package init(_ destination: Destination, format: Format) throws(AccessLogError) {
            self.destination = destination
            self.format = format
            descriptor = try AccessLog.open(destination)
        }

        package func discard() {
            if case .file = destination { close(descriptor) }
        }
    }

    /// On their way to where they were meant to go. Value.
    private struct Lines {
        let opened: Opened
        let pending: [UInt8]
        let entries: [JournalEntry]
    }

    private struct State {
        var opened: Opened
        var pending: [UInt8] = []
        var entries: [JournalEntry] = []
        var dropped = 0
        var isScheduled = false

        mutating func take() -> Lines {
            defer {
                pending = []
                entries = []
                isScheduled = false
            }
            return Lines(opened: opened, pending: pending, entries: entries)
        }
    }

    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "connd.access-log")

    private static let maxPending = 8 * 1024 * 1024
    private static let maxEntries = 16 * 1024
    private static let delay = DispatchTimeInterval.milliseconds(100)

    package init(_ opened: Opened) {
        state = Mutex(State(opened: opened))
    }

    private static func open(_ destination: Destination) throws(AccessLogError) -> CInt {
        switch destination {
        case .none, .journal: return -1
        case .standardOutput: return STDOUT_FILENO
        case .file(let path):
            // A FIFO that nobody reads would hold up whoever opens it.
            let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o640)
            guard descriptor >= 0 else { throw AccessLogError(path: path, reason: String(cString: strerror(errno))) }
            _ = fcntl(descriptor, F_SETFL, O_APPEND)
            return descriptor
        }
    }

    /// False: a line would go nowhere, and need not be made.
    package var isWanted: Bool {
        state.withLock { state in
            if case .none = state.opened.destination { false } else { true }
        }
    }

    /// After a log rotation (SIGUSR1). It returns at once; if the file cannot be opened the old one stays in use.
    package func reopen(_ failed: @escaping @Sendable (AccessLogError) -> Void) {
        queue.async {
            let current = self.state.withLock { $0.opened }
            guard case .file = current.destination else { return }
            do throws(AccessLogError) {
                self.redirect(to: try Opened(current.destination, format: current.format))
            } catch {
                failed(error)
            }
        }
    }

    /// What was logged until now goes where it was to go. It returns at once: a disk that hangs must hold up nobody.
    package func redirect(to opened: Opened) {
        let old = state.withLock { state -> Lines in
            defer { state.opened = opened }
            return state.take()
        }
        queue.async {
            self.write(old)
            old.opened.discard()
        }
    }

    /// How many lines were lost because the file could not keep up.
    package var dropped: Int { state.withLock { $0.dropped } }

    /// Writes all that is pending, as far as that can be done in two seconds; for the end of the process.
    package func flush() {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.writePending()
            done.signal()
        }
        _ = done.wait(timeout: .now() + .seconds(2))
    }

    func write(_ record: ExchangeRecord, origin: Origin?, client: ClientID, at milliseconds: Int64) {
        let schedules = state.withLock { state -> Bool in
            guard state.pending.count < Self.maxPending, state.entries.count < Self.maxEntries else {
                state.dropped += 1
                return false
            }
            switch (state.opened.destination, state.opened.format) {
            case (.none, _): return false
            case (.journal, let format):
                state.entries.append(Self.entry(record, origin, client, milliseconds, format))
            case (_, .json): Self.appendJSON(record, client, milliseconds, to: &state.pending)
            case (_, .text): Self.appendText(record, client, milliseconds, to: &state.pending)
            }
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if schedules { queue.asyncAfter(deadline: .now() + Self.delay) { self.writePending() } }
    }

    private func writePending() {
        write(state.withLock { $0.take() })
    }

    private func write(_ lines: Lines) {
        var lost = 0
        if case .journal(let journal) = lines.opened.destination { lost = lines.entries.count { !journal.send($0) } }
        var written = 0
        while written < lines.pending.count {
            let count = lines.pending.withUnsafeBytes { bytes in
                Glibc.write(lines.opened.descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                lost += lines.pending[written...].lazy.filter { $0 == UInt8(ascii: "\n") }.count
                break
            }
            written += count
        }
        if lost > 0 { state.withLock { $0.dropped += lost } }
    }

    // MARK: Lines

    static func appendJSON(_ r: ExchangeRecord, _ client: ClientID, _ time: Int64, to out: inout [UInt8]) {
        var line = "{\"time\":\"\(HTTPDate.timestamp(milliseconds: time))\",\"client\":\(client.rawValue)"
        line += ",\"method\":\"\(escaped(r.method))\",\"target\":\"\(escaped(r.target))\",\"status\":\(r.status)"
        if let error = r.error { line += ",\"error\":\"\(error.name)\"" }
        if r.aborted { line += ",\"aborted\":true" }
        line += ",\"connection\":\(r.connection),\"reused\":\(r.reused),\"retries\":\(r.retries)"
        line += ",\"bytes_in\":\(r.bytesFromClient),\"bytes_out\":\(r.bytesToClient)"
        line += ",\"queue_ms\":\(ms(r.queueTime)),\"dns_ms\":\(ms(r.dnsTime)),\"connect_ms\":\(ms(r.connectTime))"
        line += ",\"send_ms\":\(ms(r.sendTime))"
        line += ",\"first_byte_ms\":\(ms(r.firstByteTime)),\"total_ms\":\(ms(r.totalTime))}\n"
        out.append(contentsOf: line.utf8)
    }

    static func appendText(_ r: ExchangeRecord, _ client: ClientID, _ time: Int64, to out: inout [UInt8]) {
        var line = "\(HTTPDate.timestamp(milliseconds: time)) client=\(client.rawValue) \"\(escaped(r.method)) "
        line += "\(escaped(r.target))\" \(r.status) \(r.error?.name ?? "-")"
        line += " conn=\(r.connection)\(r.reused ? "+" : "") retries=\(r.retries)"
        line += " in=\(r.bytesFromClient) out=\(r.bytesToClient) queue=\(ms(r.queueTime)) dns=\(ms(r.dnsTime))"
        line +=
            " connect=\(ms(r.connectTime)) send=\(ms(r.sendTime)) first_byte=\(ms(r.firstByteTime)) total=\(ms(r.totalTime))"
        line += r.aborted ? " aborted\n" : "\n"
        out.append(contentsOf: line.utf8)
    }

    /// Milliseconds with three places.
    static func ms(_ interval: Interval) -> String {
        let microseconds = max(interval.nanoseconds / 1000, 0)
        return "\(microseconds / 1000).\(String(1000 + microseconds % 1000).dropFirst())"
    }

    private static func escaped(_ text: String) -> String {
        guard
            text.utf8.contains(where: {
                $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") || $0 == 0x7F
            })
        else { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case "\u{0}"..."\u{1F}", "\u{7F}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

package struct AccessLogError: Error, CustomStringConvertible {
    let path: String
    let reason: String

    package var description: String { "the access log \(path) cannot be opened: \(reason)" }
}
