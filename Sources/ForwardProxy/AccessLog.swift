import Pooling
import ProcessOutput
package import ProxyTypes
package import Systemd
import Synchronization
import Dispatch

#if canImport(Glibc)
    import Glibc
#endif

/// One line per exchange, formatted on the loop into memory and written by a thread of its own: a slow disk costs
/// lines, which are counted, never time. Shared.
package final class AccessLog: Sendable {
    package enum Destination: Sendable {
        case none
        case standardOutput
        case file(String)
        case journal(Journal)
    }

    /// Where lines are to go from now on, opened already: what can fail has not failed.
    package struct Opened: Sendable {
        let destination: Destination
        let format: AccessLogFormat
        let descriptor: CInt

        package init(_ destination: Destination, format: AccessLogFormat) throws(AccessLogError) {
            self.destination = destination
            self.format = format
            descriptor = try AccessLog.open(destination)
        }

        package func discard() {
            if case .file = destination { close(descriptor) }
        }
    }

    /// Each destination has a writer of its own: one that hangs holds up no other.
    private struct State {
        var opened: Opened
        /// Nil where no line is wanted.
        var writer: LineWriter?
    }

    private let state: Mutex<State>
    private let tally = LossTally()
    private let tell: @Sendable (Int) -> Void
    /// Made once and kept over every `redirect`: its thread may hang in write(2) for ever.
    private let standardOutput: LineWriter
    private let files = DispatchQueue(label: "connd.access-log.files")

    /// Of one batch; a `LineQueue` holds up to two.
    private static let limit = LineLimit(bytes: 4 * 1024 * 1024, lines: 64 * 1024)
    private static let delay = Interval.milliseconds(100)
    private static let chunk = 64 * 1024
    /// For a FIFO that is left: how long its reader may still take what is there.
    private static let patience = Interval.seconds(10)

    /// `tell` is called with the number of lines that were lost, once lines can be written again.
    package init(_ opened: Opened, tell: @escaping @Sendable (Int) -> Void) {
        self.tell = tell
        let standardOutput = Self.writer(.descriptor(STDOUT_FILENO, chunk: Self.chunk), tally, tell)
        self.standardOutput = standardOutput
        state = Mutex(State(opened: opened, writer: Self.writer(to: opened, standardOutput, tally, tell)))
    }

    private static func writer(
        to opened: Opened, _ standardOutput: LineWriter, _ tally: LossTally, _ tell: @escaping @Sendable (Int) -> Void
    ) -> LineWriter? {
        switch opened.destination {
        case .none: nil
        case .standardOutput: standardOutput
        case .file: writer(.descriptor(opened.descriptor, chunk: chunk), tally, tell)
        case .journal(let journal): writer(.datagrams { journal.send(encoded: $0) }, tally, tell)
        }
    }

    private static func writer(
        _ target: LineWriter.Target, _ tally: LossTally, _ tell: @escaping @Sendable (Int) -> Void
    ) -> LineWriter {
        LineWriter(
            target, name: "connd.access-log", limit: limit, delay: delay, tally: tally, notice: .elsewhere(tell))
    }

    private static func open(_ destination: Destination) throws(AccessLogError) -> CInt {
        switch destination {
        case .none, .journal: return -1
        case .standardOutput: return STDOUT_FILENO
        case .file(let path):
            // O_NONBLOCK, as opening a FIFO without a reader would block. It stays set: no other process shares this
            // description, and the writer can give up on a FIFO.
            let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o640)
            guard descriptor >= 0 else { throw AccessLogError(path: path, reason: String(cString: strerror(errno))) }
            return descriptor
        }
    }

    /// False: a line would go nowhere, and need not be made.
    package var isWanted: Bool { state.withLock { $0.writer != nil } }

    /// After a log rotation (SIGUSR1). It returns at once; if the file cannot be opened the old one stays in use.
    package func reopen(_ failed: @escaping @Sendable (AccessLogError) -> Void) {
        files.async {
            let current = self.state.withLock { $0.opened }
            guard case .file = current.destination else { return }
            do throws(AccessLogError) {
                self.redirect(to: try Opened(current.destination, format: current.format))
            } catch {
                failed(error)
            }
        }
    }

    /// Lines logged so far still go to the old destination. Returns at once, even where its disk hangs.
    package func redirect(to opened: Opened) {
        let writer = Self.writer(to: opened, standardOutput, tally, tell)
        let old = state.withLock { state in
            defer { state = State(opened: opened, writer: writer) }
            return state
        }
        if case .standardOutput = old.opened.destination { return }
        old.writer?.retire(timeout: Self.patience) { old.opened.discard() }
    }

    /// Lines that were lost, by why.
    package func lost(_ loss: LineLoss) -> Int { tally[loss] }

    /// Writes all that is pending, as far as that can be done in this time; for the end of the process. Returns how
    /// many lines are not written.
    package func flush(within interval: Interval) -> Int {
        let writer = state.withLock { $0.writer }
        let unwritten = writer?.flush(within: interval) ?? 0
        return writer === standardOutput ? unwritten : unwritten + standardOutput.flush(within: interval)
    }

    func write(_ record: ExchangeRecord, origin: Origin?, client: ClientID, at milliseconds: Int64) {
        // Under the lock, so that no line comes to a writer that is retired.
        state.withLock { state in
            let opened = state.opened
            state.writer?.add { line in
                switch (opened.destination, opened.format) {
                case (.journal, let format): line += Self.entry(record, origin, client, milliseconds, format).bytes
                case (_, .json): Self.appendJSON(record, client, milliseconds, to: &line)
                case (_, .text): Self.appendText(record, client, milliseconds, to: &line)
                }
            }
        }
    }

    // MARK: Lines

    static func appendJSON(_ r: ExchangeRecord, _ client: ClientID, _ time: Int64, to out: inout [UInt8]) {
        var line = "{\"time\":\"\(DateText.rfc3339(milliseconds: time))\",\"client\":\(client.rawValue)"
        line +=
            ",\"method\":\"\(JSONText.escaped(r.method))\",\"target\":\"\(JSONText.escaped(r.target))\",\"status\":\(r.status)"
        if let error = r.error { line += ",\"error\":\"\(error.name)\"" }
        if r.aborted { line += ",\"aborted\":true" }
        if let gateway = r.gateway { line += ",\"gateway\":\"\(JSONText.escaped(gateway))\"" }
        if let outcome = r.intercept.name { line += ",\"intercept\":\"\(outcome)\"" }
        if let reason = r.intercept.spliceReason { line += ",\"spliced\":\"\(reason.name)\"" }
        line += ",\"connection\":\(r.connection),\"reused\":\(r.reused),\"retries\":\(r.retries)"
        line += ",\"bytes_in\":\(r.bytesFromClient),\"bytes_out\":\(r.bytesToClient)"
        line += ",\"queue_ms\":\(ms(r.queueTime)),\"dns_ms\":\(ms(r.dnsTime)),\"connect_ms\":\(ms(r.connectTime))"
        line += ",\"tls_ms\":\(ms(r.tlsTime)),\"send_ms\":\(ms(r.sendTime))"
        line += ",\"first_byte_ms\":\(ms(r.firstByteTime)),\"total_ms\":\(ms(r.totalTime))}\n"
        out.append(contentsOf: line.utf8)
    }

    static func appendText(_ r: ExchangeRecord, _ client: ClientID, _ time: Int64, to out: inout [UInt8]) {
        var line = "\(DateText.rfc3339(milliseconds: time)) client=\(client.rawValue) \"\(JSONText.escaped(r.method)) "
        line += "\(JSONText.escaped(r.target))\" \(r.status) \(r.error?.name ?? "-")"
        line += " conn=\(r.connection)\(r.reused ? "+" : "") retries=\(r.retries)"
        line += " in=\(r.bytesFromClient) out=\(r.bytesToClient) queue=\(ms(r.queueTime)) dns=\(ms(r.dnsTime))"
        line +=
            " connect=\(ms(r.connectTime)) tls=\(ms(r.tlsTime)) send=\(ms(r.sendTime)) first_byte=\(ms(r.firstByteTime)) total=\(ms(r.totalTime))"
        if let gateway = r.gateway { line += " gateway=\(gateway)" }
        if let outcome = r.intercept.name { line += " \(outcome)" }
        if let reason = r.intercept.spliceReason { line += "=\(reason.name)" }
        line += r.aborted ? " aborted\n" : "\n"
        out.append(contentsOf: line.utf8)
    }

    /// Milliseconds with three places.
    static func ms(_ interval: Interval) -> String {
        let microseconds = max(interval.nanoseconds / 1000, 0)
        return "\(microseconds / 1000).\(String(1000 + microseconds % 1000).dropFirst())"
    }
}

package struct AccessLogError: Error, CustomStringConvertible {
    let path: String
    let reason: String

    package var description: String { "the access log \(path) cannot be opened: \(reason)" }
}
