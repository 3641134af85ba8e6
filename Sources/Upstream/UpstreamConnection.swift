import CLinux
import HTTPWire
import Metrics
import Pooling
package import ProxyTypes
import Reactor
import Tuning

/// One upstream connection: it frames responses, passes their bytes to the exchange that holds it, watches itself while
/// idle, and closes politely. It never decides who gets it next: its pool does. Loop-bound.
///
/// ```
///            lease              head            body whole
///   idle ───────────▶ awaitingHead ────▶ body ─────────────▶ idle
///     │                    │ 101 / CONNECT  │ cut, time-out
///     │ FIN, RST, bytes    ▼                ▼
///     └──────────────▶  tunnel ─────────▶ closing ─────▶ closed
/// ```
package final class UpstreamConnection {
    enum Phase: Equatable {
        case idle, awaitingHead, body, tunnel, closing, closed
    }

    /// None for a tunnel: it is never pooled.
    let id: ConnectionID?
    package let number: UInt64
    let pool: UpstreamPool
    let loop: UpstreamLoop
    private let stream: TCPStream
    package let openedAt: Instant
    package let dialTimes: DialTimes

    private(set) var phase = Phase.idle
    private(set) var exchange: (any UpstreamExchange)?
    /// Those whose requests were sent behind the running one's; their responses come in this order (RFC 9112 9.3.2).
    private var pipelined: [any UpstreamExchange] = []
    private var parser = ResponseHeadParser()
    private var body = BodyReader(.none, maxTrailerBytes: 0)
    /// The beginning of a head whose end has not come.
    private var partialHead = ByteStore()
    private var hint: KeepAliveHint?
    private var persistent = true
    private var requestComplete = true
    private var responseStarted = false
    private var decodes = false
    package private(set) var requestsServed = 0
    package private(set) var bytesReceived = 0
    package private(set) var bytesSent = 0

    private var inputClosed = false
    private var readingPaused = false
    private var closeReason: CloseReason?
    private var drained = 0
    private let timer = Deadline()
    private var deadline = Instant.distantFuture

    /// A polite close reads no more than this of what the origin still says.
    private static let maxDrained = 64 * 1024

    init(id: ConnectionID?, number: UInt64, pool: UpstreamPool, dialled: DialledStream, now: Instant) {
        self.id = id
        self.number = number
        self.pool = pool
        loop = pool.loop
        stream = dialled.stream
        dialTimes = dialled.times
        openedAt = now
        timer.owner = self
        stream.handler = self
    }

    package var isReused: Bool { requestsServed > 1 }
    package var isWritable: Bool { stream.isWritable }

    // MARK: Leases

    func lease(to exchange: any UpstreamExchange, now: Instant) {
        requestsServed += 1
        guard phase == .idle else {
            Invariant.check(phase == .awaitingHead || phase == .body, "a connection that serves nobody is shared")
            return pipelined.append(exchange)
        }
        requestComplete = false
        bytesSent = 0
        begin(exchange)
        // headers_timeout begins with what the exchange writes next.
        deadline = .distantFuture
    }

    private func begin(_ exchange: any UpstreamExchange) {
        self.exchange = exchange
        phase = .awaitingHead
        responseStarted = false
        persistent = true
        hint = nil
        decodes = false
    }

    func startTunnel(for exchange: any UpstreamExchange) {
        self.exchange = exchange
        phase = .tunnel
    }

    /// Whether nothing has come in since it went idle, asked of the kernel: for a request that must not be sent twice.
    func isSilent() -> Bool {
        !stream.hangupSeen && clinux_idle_socket_state(stream.descriptor) == 0
    }

    // MARK: What the exchange does

    package func write(_ bytes: UnsafeRawBufferPointer) {
        bytesSent += bytes.count
        stream.write(bytes)
    }

    package func write(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        bytesSent += a.count + b.count
        stream.write(a, b)
    }

    /// The request was written in full: from here on the origin has headers_timeout to answer.
    package func requestEnded(now: Instant) {
        requestComplete = true
        requestProgressed(now: now)
    }

    /// Some of the request's body was taken: the origin is alive.
    package func requestProgressed(now: Instant) {
        if phase == .awaitingHead { setDeadline(after: pool.settings.headersTimeout, now: now) }
    }

    /// The exchange goes away: the connection cannot be used for another, since its response may still come.
    package func abandon(_ abandoned: any UpstreamExchange, _ reason: CloseReason, now: Instant) {
        guard let running = exchange else { return }
        var others = pipelined
        if running !== abandoned {
            others.removeAll { $0 === abandoned }
            others.insert(running, at: 0)
        }
        exchange = nil
        giveUp(reason, now: now)
        let text = "the connection was given up by another request that was sent on it"
        let error = ProxyError(.connectionTerminated, side: .ours, retry: .ifReused, detail: text)
        for other in others { other.failed(.beforeResponse(error, reset: false), now: now) }
    }

    /// Back-pressure: whether to read more from the origin.
    package func setReading(_ reading: Bool, now: Instant) {
        guard readingPaused == reading else { return }
        readingPaused = !reading
        if phase == .body {
            // While it is the client that is slow, the origin is not to blame for silence.
            deadline = .distantFuture
            if reading { setDeadline(after: pool.settings.bodyIdleTimeout, now: now) }
        }
        if reading { stream.resumeReading() } else { stream.pauseReading() }
    }

    package func shutTunnelOutput() {
        if inputClosed { endAfterOutput() } else { stream.shutdownOutput() }
    }

    package func closeTunnel(_ reason: CloseReason) {
        exchange = nil
        closeReason = reason
        beginClose(reason, abruptly: true)
    }

    func kill() {
        exchange = nil
        beginClose(.killed, abruptly: true)
    }

    // MARK: Responses

    private func receiveHead(_ received: UnsafeRawBufferPointer, now: Instant) {
        responseStarted = true
        guard !partialHead.isEmpty else {
            let used = workThroughHeads(received, now: now)
            if used < received.count, phase == .awaitingHead {
                partialHead.append(UnsafeRawBufferPointer(rebasing: received[used...]))
            }
            return
        }
        partialHead.append(received)
        let used = workThroughHeads(partialHead.bytes, now: now)
        if phase == .awaitingHead, exchange != nil {
            partialHead.consume(used)
        } else {
            partialHead.clear(keeping: 0)
        }
    }

    /// Interim heads and then the final one, whose body goes on from there. Returns what was used; all of it but for the
    /// beginning of a head that is not complete.
    private func workThroughHeads(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        var start = 0
        while start < bytes.count, phase == .awaitingHead, let exchange {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            do {
                let isComplete = try parser.parse(
                    rest.bytes, requestMethod: exchange.method, limits: loop.headLimits, into: &loop.responseHead)
                guard isComplete else { return start }
            } catch {
                malformed(error, now: now)
                return bytes.count
            }
            let length = loop.responseHead.length
            if loop.responseHead.status == 101 {
                receiveUpgrade(rest, now: now)
                return bytes.count
            }
            guard loop.responseHead.isInformational else {
                receiveFinalHead(exchange, rest, now: now)
                // An exchange may give up while it is told of the head.
                if phase == .body { receiveBody(UnsafeRawBufferPointer(rebasing: rest[length...]), now: now) }
                return bytes.count
            }
            exchange.informationalHead(loop.responseHead, rest)
            setDeadline(after: pool.settings.headersTimeout, now: now)
            start += length
        }
        return start
    }

    private func receiveFinalHead(_ exchange: any UpstreamExchange, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        persistent = loop.responseHead.persistent
        if loop.responseHead.keepAliveTimeout != nil || loop.responseHead.keepAliveMax != nil {
            hint = KeepAliveHint(
                timeout: loop.responseHead.keepAliveTimeout.map { .seconds(Int64($0)) },
                max: loop.responseHead.keepAliveMax)
        }
        body = BodyReader(loop.responseHead.framing, maxTrailerBytes: loop.headLimits.maxHeadBytes)
        decodes = exchange.wantsContentOnly && loop.responseHead.framing == .chunked
        phase = .body
        deadline = .distantFuture
        exchange.responseHead(loop.responseHead, bytes, now: now)
    }

    private func receiveUpgrade(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        guard let exchange, exchange.asksUpgrade, requestComplete else {
            return fail(
                .response(
                    ProxyError(.httpProtocolError, detail: "the origin switched protocols without being asked to")),
                .framingError, now: now)
        }
        phase = .tunnel
        deadline = .distantFuture
        exchange.upgraded(loop.responseHead, bytes, now: now)
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        var used = 0
        if !body.isComplete, !bytes.isEmpty {
            do {
                used = try decodes ? passContent(bytes) : passFramed(bytes)
            } catch {
                return malformed(error, now: now)
            }
        }
        // The exchange may have given the connection up while it was handed the bytes.
        guard phase == .body else { return }
        if body.isComplete {
            finish(leftover: UnsafeRawBufferPointer(rebasing: bytes[used...]), now: now)
        } else {
            exchange?.responseReadComplete()
            if phase == .body, !readingPaused { setDeadline(after: pool.settings.bodyIdleTimeout, now: now) }
        }
    }

    private func passFramed(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        let count = try body.consume(bytes.bytes)
        if count > 0 { exchange?.responseBody(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
        return count
    }

    private func passContent(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        loop.contentRanges.removeAll(keepingCapacity: true)
        let count = try body.decode(bytes.bytes, content: &loop.contentRanges)
        for range in loop.contentRanges { exchange?.responseBody(UnsafeRawBufferPointer(rebasing: bytes[range])) }
        return count
    }

    /// The response is whole. The pool decides before the exchange is told, so that a client's next request finds it idle.
    private func finish(leftover: UnsafeRawBufferPointer, now: Instant) {
        guard let exchange else { return }
        self.exchange = nil
        phase = .idle
        deadline = .distantFuture
        // A slow reader's pause ends with its exchange: an idle connection is watched.
        setReading(true, now: now)
        let disposition: Disposition
        if !requestComplete {
            disposition = .mustClose(.earlyResponse)
        } else if !leftover.isEmpty, pipelined.isEmpty {
            disposition = .mustClose(.unsolicitedBytes)
        } else if !persistent {
            disposition = .mustClose(.originConnectionClose)
        } else if stream.hangupSeen {
            // Its FIN came with the response.
            disposition = .mustClose(.originFinIdle)
        } else {
            let wantsWindow = pool.settings.reuseOrder == .widest
            disposition = .reusable(hint, window: wantsWindow ? clinux_congestion_window(stream.descriptor) : 0)
        }
        guard pipelined.isEmpty else {
            return goOnPipelined(after: exchange, disposition, leftover, now: now)
        }
        pool.release(self, disposition, now: now)
        exchange.responseEnded(now: now)
    }

    /// The next response is already due on this connection, unless the last one ends it.
    private func goOnPipelined(
        after exchange: any UpstreamExchange, _ disposition: Disposition, _ leftover: UnsafeRawBufferPointer,
        now: Instant
    ) {
        if case .mustClose(let reason) = disposition {
            phase = .awaitingHead
            let rest = pipelined
            giveUp(reason, now: now)
            exchange.responseEnded(now: now)
            return failPipelined(rest, reset: false, now: now)
        }
        begin(pipelined.removeFirst())
        setDeadline(after: pool.settings.headersTimeout, now: now)
        pool.release(self, disposition, now: now)
        exchange.responseEnded(now: now)
        if phase == .awaitingHead, !leftover.isEmpty { receiveHead(leftover, now: now) }
    }

    private func failPipelined(_ exchanges: [any UpstreamExchange], reset: Bool, now: Instant) {
        let text = "the origin closed the connection before it answered a pipelined request"
        let error = ProxyError(.connectionTerminated, retry: .ifReused, detail: text)
        for exchange in exchanges { exchange.failed(.beforeResponse(error, reset: reset), now: now) }
    }

    private func malformed(_ error: WireError, now: Instant) {
        let text = "the origin's response is malformed: \(error.message)"
        fail(.response(ProxyError(.httpProtocolError, detail: text)), .framingError, now: now)
    }

    /// FIN or RST while a response is due.
    private func endOfInput(reset: Bool, now: Instant) {
        guard let exchange else { return }
        if phase == .body, !reset, body.end() {
            self.exchange = nil
            let rest = pipelined
            giveUp(.responseUntilClose, now: now)
            exchange.responseEnded(now: now)
            return failPipelined(rest, reset: false, now: now)
        }
        let failure: UpstreamFailure
        if phase == .awaitingHead, !responseStarted {
            let text =
                reset
                ? "the origin reset the connection before it answered"
                : "the origin closed the connection before it answered"
            failure = .beforeResponse(
                ProxyError(.connectionTerminated, retry: isReused ? .ifReused : .never, detail: text), reset: reset)
        } else {
            let text = "the origin closed the connection in the middle of its response"
            failure = .response(ProxyError(.httpResponseIncomplete, detail: text))
        }
        fail(failure, .originClosedMidResponse, now: now)
    }

    private func fail(_ failure: UpstreamFailure, _ reason: CloseReason, now: Instant) {
        let exchange = exchange
        let rest = pipelined
        self.exchange = nil
        giveUp(reason, now: now)
        exchange?.failed(failure, now: now)
        failPipelined(rest, reset: false, now: now)
    }

    private func giveUp(_ reason: CloseReason, now: Instant) {
        let wasTunnel = phase == .tunnel
        phase = .idle
        deadline = .distantFuture
        closeReason = reason
        if wasTunnel, id == nil {
            return beginClose(reason, abruptly: true)
        }
        // Each lease ends on its own; the last one lets the pool order the close.
        let leases = 1 + pipelined.count
        pipelined.removeAll()
        for _ in 0..<leases { pool.release(self, .mustClose(reason), now: now) }
    }

    // MARK: The end

    private func endIdle(_ reason: CloseReason) {
        pool.noteClosing(self, now: loop.now)
        beginClose(reason, abruptly: reason != .originFinIdle)
    }

    /// Ends what the pool no longer wants: politely where the origin may still be reading, at once where it makes no sense.
    func beginClose(_ reason: CloseReason, abruptly: Bool = false) {
        guard phase != .closing, phase != .closed else { return }
        phase = .closing
        let reason = closeReason ?? reason
        closeReason = reason
        loop.metrics.upstreamClosed[reason] += 1
        if abruptly || inputClosed || !stream.isOpen || Self.isAbrupt(reason) {
            stream.close()
            return finishClose()
        }
        stream.shutdownOutput()
        stream.resumeReading()
        let linger = pool.settings.closeLinger
        guard linger > .zero else {
            stream.close()
            return finishClose()
        }
        setDeadline(after: linger, now: loop.now)
    }

    /// Reasons that leave nothing to be read in peace.
    private static func isAbrupt(_ reason: CloseReason) -> Bool {
        switch reason {
        case .framingError, .unsolicitedBytes, .clientAborted, .headersTimeout, .bodyTimeout, .writeTimeout, .killed,
            .originClosedMidResponse, .originRstIdle, .earlyResponse, .fdPressure:
            true
        default:
            false
        }
    }

    /// The other side has said all, so that nothing is left to do but to get our last bytes out.
    private func endAfterOutput() {
        if stream.closeAfterOutput() { failed(0) }
    }

    private func finishClose() {
        guard phase != .closed else { return }
        phase = .closed
        loop.timer.remove(timer)
        partialHead.clear(keeping: 0)
        pool.closed(self, now: loop.now)
    }

    // MARK: Time

    private func setDeadline(after interval: Interval, now: Instant) {
        guard interval > .zero else {
            deadline = .distantFuture
            return
        }
        deadline = now + interval
        loop.timer.wake(timer, at: deadline)
    }
}

// MARK: What the stream brings

extension UpstreamConnection: StreamHandler {
    package func connected() {}

    package func received(_ bytes: UnsafeRawBufferPointer) {
        bytesReceived += bytes.count
        switch phase {
        case .awaitingHead: receiveHead(bytes, now: loop.now)
        case .body: receiveBody(bytes, now: loop.now)
        case .tunnel: exchange?.tunnelBytes(bytes)
        case .idle: endIdle(.unsolicitedBytes)
        case .closing:
            drained += bytes.count
            guard drained > Self.maxDrained else { return }
            stream.close()
            finishClose()
        case .closed: break
        }
    }

    package func inputEnded() {
        inputClosed = true
        switch phase {
        case .idle: endIdle(.originFinIdle)
        case .awaitingHead, .body: endOfInput(reset: false, now: loop.now)
        case .tunnel: exchange?.tunnelInputClosed()
        case .closing:
            stream.close()
            finishClose()
        case .closed: break
        }
    }

    package func failed(_ code: CInt) {
        inputClosed = true
        switch phase {
        case .idle: endIdle(.originRstIdle)
        case .awaitingHead, .body: endOfInput(reset: true, now: loop.now)
        case .tunnel:
            let exchange = exchange
            self.exchange = nil
            beginClose(code == 0 ? .drained : .originRstIdle, abruptly: true)
            exchange?.tunnelClosed()
        case .closing, .closed: finishClose()
        }
    }

    package func outputDrained() {
        exchange?.upstreamDrained()
    }
}

extension UpstreamConnection: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        guard now >= deadline else { return deadline }
        deadline = .distantFuture
        switch phase {
        case .awaitingHead:
            if requestComplete {
                let text = "no response head within headers_timeout (\(describe(pool.settings.headersTimeout)))"
                fail(.timeout(ProxyError(.httpResponseTimeout, detail: text)), .headersTimeout, now: now)
            } else {
                let text =
                    "the origin took none of the request for headers_timeout (\(describe(pool.settings.headersTimeout)))"
                fail(.timeout(ProxyError(.connectionWriteTimeout, detail: text)), .writeTimeout, now: now)
            }
        case .body:
            let text =
                "nothing more of the response within body_idle_timeout (\(describe(pool.settings.bodyIdleTimeout)))"
            fail(.timeout(ProxyError(.connectionReadTimeout, detail: text)), .bodyTimeout, now: now)
        case .closing:
            stream.close()
            finishClose()
        case .idle, .tunnel, .closed:
            break
        }
        return deadline
    }

    private func describe(_ interval: Interval) -> String { "\(interval.wholeMilliseconds) ms" }
}
