import CLinux
import HTTPWire
import Metrics
package import NIOCore
import Pooling
package import ProxyTypes
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
package final class UpstreamConnection: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum Phase: Equatable {
        case idle, awaitingHead, body, tunnel, closing, closed
    }

    /// None for a tunnel: it is never pooled.
    let id: ConnectionID?
    package let number: UInt64
    let pool: UpstreamPool
    let loop: UpstreamLoop
    let channel: any Channel
    let descriptor: CInt
    package let openedAt: Instant
    package let dialTimes: DialTimes

    private(set) var phase = Phase.idle
    private(set) var exchange: (any UpstreamExchange)?
    private var context: ChannelHandlerContext?
    private var parser = ResponseHeadParser()
    private var body = BodyReader(.none, maxTrailerBytes: 0)
    private var pendingHead: ByteBuffer?
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
    private var readHeld = false
    private var closeReason: CloseReason?
    private var drained = 0
    private var lastError: (any Error)?
    private var timer: Deadline?
    private var deadline = Instant.distantFuture

    /// A polite close reads no more than this of what the origin still says.
    private static let maxDrained = 64 * 1024

    init(id: ConnectionID?, number: UInt64, pool: UpstreamPool, dialled: DialledChannel, now: Instant) {
        self.id = id
        self.number = number
        self.pool = pool
        loop = pool.loop
        channel = dialled.channel
        descriptor = dialled.descriptor
        dialTimes = dialled.times
        openedAt = now
    }

    package var isReused: Bool { requestsServed > 1 }
    package var isWritable: Bool { channel.isWritable }
    package var remoteAddress: IPAddress? { channel.remoteAddress.flatMap(IPAddress.init(socketAddress:)) }

    // MARK: Leases

    func lease(to exchange: any UpstreamExchange, now: Instant) {
        Invariant.check(phase == .idle && self.exchange == nil, "a connection is leased twice")
        self.exchange = exchange
        phase = .awaitingHead
        responseStarted = false
        requestComplete = false
        persistent = true
        hint = nil
        decodes = false
        bytesSent = 0
        requestsServed += 1
        setDeadline(after: pool.settings.headersTimeout, now: now)
    }

    func startTunnel(for exchange: any UpstreamExchange) {
        self.exchange = exchange
        phase = .tunnel
    }

    /// Whether nothing has come in since it went idle, asked of the kernel: for a request that must not be sent twice.
    func isSilent() -> Bool {
        !inputClosed && clinux_idle_socket_state(descriptor) == 0
    }

    // MARK: What the exchange does

    package func write(_ buffer: ByteBuffer) {
        guard let context, phase != .closing, phase != .closed else { return }
        bytesSent += buffer.readableBytes
        context.write(wrapOutboundOut(buffer), promise: nil)
    }

    package func flush() {
        context?.flush()
    }

    /// The request was written in full: from here on the origin has headers_timeout to answer.
    package func requestEnded(now: Instant) {
        requestComplete = true
        if phase == .awaitingHead { setDeadline(after: pool.settings.headersTimeout, now: now) }
    }

    /// Some of the request's body was taken: the origin is alive.
    package func requestProgressed(now: Instant) {
        if phase == .awaitingHead { setDeadline(after: pool.settings.headersTimeout, now: now) }
    }

    /// The exchange goes away: the connection cannot be used for another, since its response may still come.
    package func abandon(_ reason: CloseReason, now: Instant) {
        guard exchange != nil else { return }
        exchange = nil
        giveUp(reason, now: now)
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
        if reading, readHeld {
            readHeld = false
            context?.read()
        }
    }

    package func closeTunnelOutput() {
        context?.close(mode: .output, promise: nil)
    }

    package func closeTunnel(_ reason: CloseReason) {
        exchange = nil
        beginClose(reason, abruptly: true)
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    package func read(context: ChannelHandlerContext) {
        if readingPaused {
            readHeld = true
        } else {
            context.read()
        }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        bytesReceived += buffer.readableBytes
        switch phase {
        case .awaitingHead: receiveHead(buffer, now: loop.timer.now())
        case .body: receiveBody(buffer, now: loop.timer.now())
        case .tunnel: exchange?.tunnelBytes(buffer)
        case .idle: endIdle(.unsolicitedBytes)
        case .closing:
            drained += buffer.readableBytes
            if drained > Self.maxDrained { context.close(promise: nil) }
        case .closed: break
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        exchange?.responseReadComplete()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        exchange?.upstreamWritabilityChanged(context.channel.isWritable)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return }
        inputClosed = true
        switch phase {
        case .idle: endIdle(.originFinIdle)
        case .awaitingHead, .body: endOfInput(reset: false, now: loop.timer.now())
        case .tunnel: exchange?.tunnelInputClosed()
        case .closing: context.close(promise: nil)
        case .closed: break
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        // The channel may stay open after some errors; ours is then of no use.
        if phase == .idle { endIdle(.originRstIdle) }
        context.close(promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        let now = loop.timer.now()
        inputClosed = true
        switch phase {
        case .idle: endIdle(.originRstIdle)
        case .awaitingHead, .body: endOfInput(reset: true, now: now)
        case .tunnel:
            let exchange = exchange
            self.exchange = nil
            phase = .closing
            exchange?.tunnelClosed()
        case .closing, .closed: break
        }
        finishClose(now: now)
    }

    // MARK: Responses

    private func receiveHead(_ received: ByteBuffer, now: Instant) {
        var buffer = received
        if var pending = pendingHead {
            pendingHead = nil
            pending.writeBuffer(&buffer)
            buffer = pending
        }
        responseStarted = true
        while phase == .awaitingHead, let exchange {
            do {
                let isComplete = try parser.parse(
                    buffer.readableBytesSpan, requestMethod: exchange.method, limits: loop.headLimits,
                    into: &loop.responseHead)
                guard isComplete else {
                    if buffer.readableBytes > 0 { pendingHead = buffer }
                    return
                }
            } catch {
                return malformed(error, now: now)
            }
            let length = loop.responseHead.length
            if loop.responseHead.status == 101 { return receiveUpgrade(buffer, now: now) }
            guard loop.responseHead.isInformational else {
                receiveFinalHead(exchange, buffer, now: now)
                buffer.moveReaderIndex(forwardBy: length)
                // An exchange may give up while it is told of the head.
                if phase == .body { receiveBody(buffer, now: now) }
                return
            }
            exchange.informationalHead(loop.responseHead, buffer)
            buffer.moveReaderIndex(forwardBy: length)
            setDeadline(after: pool.settings.headersTimeout, now: now)
            if buffer.readableBytes == 0 { return }
        }
    }

    private func receiveFinalHead(_ exchange: any UpstreamExchange, _ buffer: ByteBuffer, now: Instant) {
        persistent = loop.responseHead.persistent
        if loop.responseHead.keepAliveTimeout != nil || loop.responseHead.keepAliveMax != nil {
            hint = KeepAliveHint(
                timeout: loop.responseHead.keepAliveTimeout.map { .seconds(Int64($0)) },
                max: loop.responseHead.keepAliveMax)
        }
        body = BodyReader(loop.responseHead.framing, maxTrailerBytes: loop.headLimits.maxHeadBytes)
        decodes = exchange.wantsContentOnly && loop.responseHead.framing == .chunked
        phase = .body
        setDeadline(after: readingPaused ? .zero : pool.settings.bodyIdleTimeout, now: now)
        exchange.responseHead(loop.responseHead, buffer, now: now)
    }

    private func receiveUpgrade(_ buffer: ByteBuffer, now: Instant) {
        guard let exchange, exchange.asksUpgrade, requestComplete else {
            return fail(
                .response(
                    ProxyError(.httpProtocolError, detail: "the origin switched protocols without being asked to")),
                .framingError, now: now)
        }
        phase = .tunnel
        deadline = .distantFuture
        exchange.upgraded(loop.responseHead, buffer, now: now)
    }

    private func receiveBody(_ received: ByteBuffer, now: Instant) {
        var buffer = received
        if !body.isComplete, buffer.readableBytes > 0 {
            if !readingPaused { setDeadline(after: pool.settings.bodyIdleTimeout, now: now) }
            do {
                try decodes ? passContent(&buffer) : passFramed(&buffer)
            } catch {
                return malformed(error, now: now)
            }
        }
        // The exchange may have given the connection up while it was handed the bytes.
        if phase == .body, body.isComplete { finish(leftover: buffer.readableBytes, now: now) }
    }

    private func passFramed(_ buffer: inout ByteBuffer) throws(WireError) {
        let count = try body.consume(buffer.readableBytesSpan)
        guard count > 0 else { return }
        if count == buffer.readableBytes {
            exchange?.responseBody(buffer)
            buffer.moveReaderIndex(forwardBy: count)
        } else if let slice = buffer.readSlice(length: count) {
            exchange?.responseBody(slice)
        }
    }

    private func passContent(_ buffer: inout ByteBuffer) throws(WireError) {
        loop.contentRanges.removeAll(keepingCapacity: true)
        let count = try body.decode(buffer.readableBytesSpan, content: &loop.contentRanges)
        let start = buffer.readerIndex
        for range in loop.contentRanges {
            if let slice = buffer.getSlice(at: start + range.lowerBound, length: range.count) {
                exchange?.responseBody(slice)
            }
        }
        buffer.moveReaderIndex(forwardBy: count)
    }

    /// The response is whole. The pool decides before the exchange is told, so that a client's next request finds it idle.
    private func finish(leftover: Int, now: Instant) {
        guard let exchange else { return }
        self.exchange = nil
        phase = .idle
        deadline = .distantFuture
        let disposition: Disposition
        if !requestComplete {
            disposition = .mustClose(.earlyResponse)
        } else if leftover > 0 {
            disposition = .mustClose(.unsolicitedBytes)
        } else if !persistent {
            disposition = .mustClose(.originConnectionClose)
        } else {
            let wantsWindow = pool.settings.reuseOrder == .widest
            disposition = .reusable(hint, window: wantsWindow ? clinux_congestion_window(descriptor) : 0)
        }
        exchange.responseReadComplete()
        pool.release(self, disposition, now: now)
        exchange.responseEnded(now: now)
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
            phase = .idle
            exchange.responseReadComplete()
            pool.release(self, .mustClose(.responseUntilClose), now: now)
            exchange.responseEnded(now: now)
            return
        }
        let failure: UpstreamFailure
        if phase == .awaitingHead, !responseStarted {
            let text = reset ? "the origin reset the connection before it answered" : "the origin closed the connection before it answered"
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
        self.exchange = nil
        giveUp(reason, now: now)
        exchange?.failed(failure, now: now)
    }

    private func giveUp(_ reason: CloseReason, now: Instant) {
        let wasTunnel = phase == .tunnel
        phase = .idle
        deadline = .distantFuture
        closeReason = reason
        if wasTunnel, id == nil {
            beginClose(reason, abruptly: true)
        } else {
            pool.release(self, .mustClose(reason), now: now)
        }
    }

    // MARK: The end

    private func endIdle(_ reason: CloseReason) {
        let now = loop.timer.now()
        pool.noteClosing(self, now: now)
        beginClose(reason, abruptly: reason == .unsolicitedBytes || reason == .originRstIdle)
    }

    /// Ends what the pool no longer wants: politely where the origin may still be reading, at once where it makes no sense.
    func beginClose(_ reason: CloseReason, abruptly: Bool = false) {
        guard phase != .closing, phase != .closed else { return }
        phase = .closing
        let reason = closeReason ?? reason
        closeReason = reason
        loop.metrics.upstreamClosed[reason] += 1
        guard let context, channel.isActive else { return finishClose(now: loop.timer.now()) }
        if abruptly || inputClosed || Self.isAbrupt(reason) {
            context.close(promise: nil)
        } else {
            setDeadline(after: pool.settings.closeLinger, now: loop.timer.now())
            setReading(true, now: loop.timer.now())
            context.close(mode: .output, promise: nil)
        }
    }

    /// Reasons that leave nothing to be read in peace.
    private static func isAbrupt(_ reason: CloseReason) -> Bool {
        switch reason {
        case .framingError, .unsolicitedBytes, .clientAborted, .headersTimeout, .bodyTimeout, .writeTimeout, .killed,
            .originClosedMidResponse, .originRstIdle, .earlyResponse:
            true
        default:
            false
        }
    }

    private func finishClose(now: Instant) {
        guard phase != .closed else { return }
        if let closeReason, phase != .closing { loop.metrics.upstreamClosed[closeReason] += 1 }
        phase = .closed
        if let timer { loop.timer.remove(timer) }
        pool.closed(self, now: now)
    }

    // MARK: Time

    private func setDeadline(after interval: Interval, now: Instant) {
        guard interval > .zero else {
            deadline = .distantFuture
            return
        }
        deadline = now + interval
        let timer = timer ?? Deadline(owner: self)
        self.timer = timer
        loop.timer.wake(timer, at: deadline)
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
                let text = "the origin took none of the request for headers_timeout (\(describe(pool.settings.headersTimeout)))"
                fail(.timeout(ProxyError(.connectionWriteTimeout, detail: text)), .writeTimeout, now: now)
            }
        case .body:
            let text = "nothing more of the response within body_idle_timeout (\(describe(pool.settings.bodyIdleTimeout)))"
            fail(.timeout(ProxyError(.connectionReadTimeout, detail: text)), .bodyTimeout, now: now)
        case .closing:
            context?.close(promise: nil)
        case .idle, .tunnel, .closed:
            break
        }
        return deadline
    }

    private func describe(_ interval: Interval) -> String { "\(interval.wholeMilliseconds) ms" }
}
