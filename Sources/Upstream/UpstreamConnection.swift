import HTTPWire
import Metering
package import Pooling
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
    let stream: any ByteStream
    package let openedAt: Instant
    package let dialTimes: DialTimes
    let cause: DialCause
    /// Kept, as a socket that was reset has them no more.
    let local: Endpoint?
    let remote: Endpoint?
    /// When its last lease ended; zero before, and while it is shared.
    var idleSince = Instant.zero
    /// Since when it carries another protocol.
    var tunnelSince: Instant?

    var phase = Phase.idle
    var exchange: (any UpstreamExchange)?
    /// Those whose requests were sent behind the running one's; their responses come in this order (RFC 9112 9.3.2).
    var pipelined: [any UpstreamExchange] = []
    /// Those that lost the connection with the running one and have yet to be told: whoever is told first may end the client
    /// of others, who then leave this list.
    var untold: [any UpstreamExchange] = []
    var parser = ResponseHeadParser()
    var body = BodyReader()
    /// The beginning of a head, or of the end of a chunked body, the rest of which has not come.
    var partial = ByteQueue()
    var hint: KeepAliveHint?
    var persistent = true
    var requestComplete = true
    var interimResponses = 0
    private var tunnelOutputEnds = false
    var responseStarted = false
    var decodes = false
    package internal(set) var requestsServed = 0
    package internal(set) var bytesReceived = 0
    /// By the lease that runs, and by those before it.
    package internal(set) var bytesSent = 0
    var bytesSentBefore = 0

    var inputClosed = false
    var readingPaused = false
    var closeReason: CloseReason?
    var drained = 0
    let timer = Deadline()
    var deadline = Instant.distantFuture

    /// A polite close reads no more than this of what the origin still says.
    static let maxDrained = 64 * 1024
    static let maxInterimResponses = 100

    init(
        id: ConnectionID?, number: UInt64, pool: UpstreamPool, cause: DialCause, dialled: DialledStream, now: Instant
    ) {
        self.id = id
        self.cause = cause
        self.number = number
        self.pool = pool
        loop = pool.loop
        stream = dialled.stream
        dialTimes = dialled.times
        openedAt = now
        local = dialled.stream.localEndpoint
        remote = dialled.stream.remoteEndpoint
        timer.owner = self
        stream.handler = self
    }

    deinit {
        timer.owner = nil
    }

    /// It has lain idle, be it since its dial: the origin may have ended it meanwhile.
    package private(set) var mayBeStale = false
    /// Its latest lease was sent behind others.
    package var isShared: Bool { !pipelined.isEmpty }
    package var isWritable: Bool { stream.isWritable }

    // MARK: Leases

    func lease(to exchange: any UpstreamExchange, now: Instant) {
        requestsServed += 1
        if requestsServed > 1 || !isFresh(now) { mayBeStale = true }
        guard phase == .idle else {
            Invariant.check(phase == .awaitingHead || phase == .body, "a connection that serves nobody is shared")
            return pipelined.append(exchange)
        }
        requestComplete = false
        bytesSentBefore += bytesSent
        bytesSent = 0
        idleSince = .zero
        begin(exchange)
        // headers_timeout begins with what the exchange writes next.
        deadline = .distantFuture
    }

    func begin(_ exchange: any UpstreamExchange) {
        self.exchange = exchange
        phase = .awaitingHead
        responseStarted = false
        interimResponses = 0
        persistent = true
        hint = nil
        decodes = false
    }

    func startTunnel(for exchange: any UpstreamExchange) {
        self.exchange = exchange
        phase = .tunnel
        becameTunnel(at: openedAt)
    }

    /// It is leased in the moment in which its dial ended, or could be.
    func isFresh(_ now: Instant) -> Bool { openedAt == now }

    /// Whether nothing has come in since it went idle, asked of the stream: for a request that must not be sent twice.
    func isSilent() -> Bool {
        stream.isSilent
    }

    /// It serves no other client from here on. `isLoggingIn`: that one is to answer the challenge that it just got.
    package func pin(to client: ClientID, isLoggingIn: Bool) { pool.pin(self, to: client, isLoggingIn: isLoggingIn) }

    /// Belongs to one client already.
    package var isPinned: Bool { id.flatMap { pool.machine.facts(of: $0) }?.ownership.owner != nil }
    package var isLoggingIn: Bool { id.flatMap { pool.machine.facts(of: $0) }?.ownership.isLoggingIn ?? false }

    // MARK: What the exchange does

    package func write(_ bytes: UnsafeRawBufferPointer) {
        noteSent(bytes.count)
        stream.write(bytes)
    }

    package func write(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        noteSent(a.count + b.count)
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
        untold.removeAll { $0 === abandoned }
        guard let running = exchange else { return }
        untold = ([running] + pipelined).filter { $0 !== abandoned }
        exchange = nil
        giveUp(reason, now: now)
        let text = "the connection was given up by another request that was sent on it"
        let error = ProxyError(.connectionTerminated, detail: text)
        tell(.beforeResponse(error, reset: false), now: now)
    }

    /// Back-pressure: whether to read more of the response to this exchange. Ignored while another one's is due: a slow
    /// client must not hold back the others whose requests share the connection.
    package func setReading(_ reading: Bool, for exchange: any UpstreamExchange, now: Instant) {
        if exchange === self.exchange { setReading(reading, now: now) }
    }

    func setReading(_ reading: Bool, now: Instant) {
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
        tunnelOutputEnds = true
        if inputClosed { endAfterOutput() } else { stream.shutdownOutput() }
    }

    /// How much one read of the response to this exchange may bring; nil for the usual.
    package func limitReads(to count: Int?, for exchange: any UpstreamExchange) {
        if exchange === self.exchange { stream.readLimit = count ?? .max }
    }

    package func closeTunnel(_ reason: CloseReason) {
        exchange = nil
        closeReason = reason
        beginClose(reason, abruptly: true)
    }

    func becameTunnel(at time: Instant) {
        pool.figures.tunnels.opened += 1
        pool.openTunnels += 1
        pool.isTouched = true
        tunnelSince = time
    }

    func kill() {
        exchange = nil
        beginClose(.killed, abruptly: true)
    }

    func endTunnelByOrder() {
        let exchange = exchange
        self.exchange = nil
        closeReason = .killed
        beginClose(.killed, abruptly: true)
        exchange?.tunnelClosed()
    }

    func endByOrder(now: Instant) {
        let text = "an operator closed the connection"
        fail(.response(ProxyError(.connectionTerminated, detail: text)), .killed, now: now)
    }

    // MARK: The end

    func endIdle(_ reason: CloseReason) {
        pool.noteClosing(self, now: loop.now)
        beginClose(reason, abruptly: reason != .originFinIdle)
    }

    /// Ends what the pool no longer wants: politely where the origin may still be reading, at once where it makes no sense.
    func beginClose(_ reason: CloseReason, abruptly: Bool = false) {
        guard phase != .closing, phase != .closed else { return }
        phase = .closing
        let reason = closeReason ?? reason
        closeReason = reason
        recordEnd(reason)
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
    static func isAbrupt(_ reason: CloseReason) -> Bool {
        switch reason {
        case .framingError, .unsolicitedBytes, .clientAborted, .headersTimeout, .bodyTimeout, .writeTimeout, .killed,
            .originClosedMidResponse, .originRstIdle, .earlyResponse, .fdPressure, .distrusted:
            true
        default:
            false
        }
    }

    /// The other side has said all, so that nothing is left to do but to get our last bytes out.
    func endAfterOutput() {
        if stream.closeAfterOutput() { failed(0) }
    }

    func finishClose() {
        guard phase != .closed else { return }
        phase = .closed
        loop.timer.remove(timer)
        partial.clear(keeping: 0)
        pool.closed(self, now: loop.now)
    }

    // MARK: Time

    func setDeadline(after interval: Interval, now: Instant) {
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
        noteReceived(bytes.count)
        switch phase {
        case .awaitingHead, .body: receive(bytes, now: loop.now)
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
        case .tunnel:
            exchange?.tunnelInputClosed()
            // Both sides have said all: what is still to be taken goes out, and then it is over.
            if tunnelOutputEnds { endAfterOutput() }
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
        requestProgressed(now: loop.now)
        exchange?.upstreamDrained()
    }
}

extension UpstreamConnection: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        guard now >= deadline else { return deadline }
        deadline = .distantFuture
        switch phase {
        case .awaitingHead where readingPaused || !requestComplete && stream.isWritable:
            // It waits for the client, to read or to send on.
            setDeadline(after: pool.settings.headersTimeout, now: now)
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

    func describe(_ interval: Interval) -> String { "\(interval.wholeMilliseconds) ms" }
}
