import CLinux
import HTTPWire
import Metrics
import NIOCore
import Pooling
import ProxyTypes
import Upstream

/// One client's connection: reads requests one after the other, keeps their answers in order, and decides when the
/// connection lives on and how it ends. It never talks to an origin: its exchanges do. Loop-bound.
///
/// ```
///   reading ◀──────────────▶ body          one exchange's body at a time; safe requests may queue behind each other
///      │  CONNECT, 101          │
///      ▼                        ▼
///   tunnel ───────────────▶ closing ─▶ closed
/// ```
final class ClientHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case reading, body, tunnel, closing, closed
    }

    struct Pauses: OptionSet {
        let rawValue: UInt8
        /// The origin takes no more.
        static let upstreamFull = Pauses(rawValue: 1)
        /// Enough is read that cannot be worked on yet.
        static let unreadFull = Pauses(rawValue: 2)
        /// Expect: 100-continue: the origin may still refuse the body.
        static let expectation = Pauses(rawValue: 4)
    }

    let id: ClientID
    let loop: ProxyLoop
    private(set) var phase = Phase.reading
    private var context: ChannelHandlerContext?
    private var unread: ByteBuffer?
    private var parser = RequestHeadParser()
    private var body = BodyReader(.none, maxTrailerBytes: 0)
    /// In the order of their requests; the first is the one whose turn it is.
    private var exchanges: [Exchange] = []
    private var receiving: Exchange?
    /// Prepared, but not to run beside those before it.
    private var notStarted: Exchange?
    private var lastAuthority: [UInt8] = []
    private var lastPool: UpstreamPool?

    private var pauses: Pauses = []
    private var readHeld = false
    private(set) var isParsing = false
    private var inputClosed = false
    private var outputClosed = false
    private var takesRequests = true
    private var requestsSeen = 0
    private var drained = 0
    private var timer: Deadline?
    private var deadline = Instant.distantFuture
    private var expectationEnds = Instant.distantFuture
    private var closeReason = ClientCloseReason.clientClosed

    private static let maxDrained = 256 * 1024

    init(loop: ProxyLoop) {
        self.loop = loop
        id = ClientID(rawValue: loop.nextClientNumber())
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func isFront(_ exchange: Exchange) -> Bool { exchanges.first === exchange }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let now = loop.timer.now()
        guard permits(context.channel.remoteAddress) else {
            closeReason = .refusedAddress
            let text = "this address is not in proxy.allow_from"
            return refuse(ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text), now: now)
        }
        setDeadline(now + loop.configuration.clientHeadTimeout)
    }

    private func permits(_ address: SocketAddress?) -> Bool {
        guard !loop.configuration.allowFrom.isEmpty, let address, let ip = IPAddress(socketAddress: address) else {
            return true
        }
        return loop.configuration.allowFrom.contains { $0.contains(ip) }
    }

    func read(context: ChannelHandlerContext) {
        if pauses.isEmpty {
            context.read()
        } else {
            readHeld = true
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch phase {
        case .reading, .body:
            if unread != nil {
                unread?.writeBuffer(&buffer)
            } else {
                unread = buffer
            }
            process(now: loop.timer.now())
        case .tunnel:
            tunnelActive()
            exchanges.first?.tunnelFromClient(buffer)
        case .closing:
            drained += buffer.readableBytes
            if drained > Self.maxDrained { context.close(promise: nil) }
        case .closed:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if phase == .tunnel { exchanges.first?.flushUpstream() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let now = loop.timer.now()
        exchanges.first?.clientWritabilityChanged(context.channel.isWritable, now: now)
        if phase != .tunnel, phase != .closing {
            // A reader that takes nothing for as long as an idle one may stay is given up.
            setDeadline(context.channel.isWritable ? .distantFuture : now + loop.configuration.clientIdleTimeout)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return }
        inputClosed = true
        let now = loop.timer.now()
        switch phase {
        case .reading:
            if exchanges.isEmpty { return closeNow(.clientClosed) }
            takesRequests = false
        case .body:
            // The request will never be whole: what was sent of it must not look so either.
            closeNow(.requestCut)
        case .tunnel: exchanges.first?.tunnelClientInputClosed()
        case .closing: if outputClosed { context.close(promise: nil) } else { closePolitely(now: now) }
        case .closed: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        closeReason = .clientReset
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
    }

    // MARK: Requests

    /// Works through what was read until more is needed or the next request has to wait.
    private func process(now: Instant) {
        guard !isParsing else { return }
        isParsing = true
        defer { isParsing = false }
        while var buffer = unread, buffer.readableBytes > 0 {
            unread = nil
            var goesOn = false
            switch phase {
            case .body: goesOn = receiveBody(&buffer, now: now)
            case .reading where takesRequests && notStarted == nil && exchanges.count < ProxyConfiguration.maxPipelined:
                goesOn = receiveHead(&buffer, now: now)
            case .tunnel:
                exchanges.first?.tunnelFromClient(buffer)
                exchanges.first?.flushUpstream()
                continue
            case .closing, .closed: return
            case .reading: break
            }
            if buffer.readableBytes > 0, unread == nil { unread = buffer }
            guard goesOn else { break }
        }
        boundUnread()
        receiving?.flushUpstream()
    }

    private func boundUnread() {
        let bytes = unread?.readableBytes ?? 0
        setPause(.unreadFull, phase != .tunnel && bytes >= loop.configuration.headLimits.maxHeadBytes)
    }

    private func receiveHead(_ buffer: inout ByteBuffer, now: Instant) -> Bool {
        do {
            let limits = loop.configuration.headLimits
            guard try parser.parse(buffer.readableBytesSpan, limits: limits, into: &loop.requestHead) else {
                // A head that has begun must end in time, however its bytes trickle.
                if exchanges.isEmpty, requestsSeen > 0, deadlineIsIdle {
                    deadlineIsIdle = false
                    setDeadline(now + loop.configuration.clientHeadTimeout)
                }
                return false
            }
        } catch {
            closeReason = .badRequest
            refuse(ErrorResponse(error), now: now)
            return false
        }
        requestsSeen += 1
        setDeadline(.distantFuture)
        let exchange = loop.takeExchange(for: self)
        exchanges.append(exchange)
        route(exchange, buffer, now: now)
        beginBody(of: exchange, now: now)
        let length = loop.requestHead.length
        buffer.moveReaderIndex(forwardBy: length)
        startIfItMay(exchange, now: now)
        return true
    }

    private func beginBody(of exchange: Exchange, now: Instant) {
        let framing = loop.requestHead.framing
        takesRequests = loop.requestHead.persistent && !loop.isDraining
        body = BodyReader(framing, maxTrailerBytes: loop.configuration.headLimits.maxHeadBytes)
        guard !body.isComplete else { return }
        phase = .body
        receiving = exchange
        setDeadline(now + loop.configuration.clientIdleTimeout)
        if loop.requestHead.expectsContinue {
            setPause(.expectation, true)
            expectationEnds = now + exchange.expectContinueTimeout
            wake(at: expectationEnds)
        }
    }

    /// Decides who answers: the origin, or connd itself.
    private func route(_ exchange: Exchange, _ buffer: ByteBuffer, now: Instant) {
        let bytes = buffer.readableBytesSpan
        switch RequestRouting.route(loop.requestHead, bytes, loop: loop, cached: lastPool, cachedAuthority: lastAuthority) {
        case .origin(let pool, let isNew):
            if isNew {
                lastPool = pool
                lastAuthority = RequestRouting.authority(loop.requestHead, bytes)
            }
            exchange.prepare(loop.requestHead, bytes, pool: pool, now: now)
        case .refuse(let response):
            exchange.prepareOwnAnswer(loop.requestHead, now: now)
            exchange.ownAnswer = .error(response)
        case .answer(let head, let body):
            exchange.prepareOwnAnswer(loop.requestHead, now: now)
            exchange.ownAnswer = .whole(head: head, body: body)
        }
        if loop.accessLog != nil {
            exchange.describe(RequestRouting.describe(loop.requestHead, bytes))
        }
    }

    private func startIfItMay(_ exchange: Exchange, now: Instant) {
        let isAlone = exchanges.count == 1
        guard isAlone || exchange.isSafeBesideOthers && exchanges.allSatisfy(\.isSafeBesideOthers) else {
            notStarted = exchange
            return
        }
        exchange.start(now: now)
    }

    private func receiveBody(_ buffer: inout ByteBuffer, now: Instant) -> Bool {
        guard let exchange = receiving else { return false }
        do {
            let count = try body.consume(buffer.readableBytesSpan)
            let isLast = body.isComplete
            if count > 0 || isLast, let part = buffer.readSlice(length: count) {
                exchange.record.bytesFromClient += count
                exchange.requestBody(part, isLast: isLast, now: now)
            }
            guard isLast else {
                setDeadline(now + loop.configuration.clientIdleTimeout)
                setPause(.upstreamFull, !exchange.upstreamIsWritable || exchange.unsentBytes >= loop.configuration.maxBuffer / 2)
                return false
            }
        } catch {
            return badBody(exchange, error, now: now)
        }
        exchange.flushUpstream()
        receiving = nil
        expectationEnds = .distantFuture
        setPause(.expectation, false)
        setPause(.upstreamFull, false)
        if phase == .body { phase = .reading }
        setDeadline(.distantFuture)
        return true
    }

    private func badBody(_ exchange: Exchange, _ error: WireError, now: Instant) -> Bool {
        receiving = nil
        closeReason = .badRequest
        takesRequests = false
        if exchange.responseHeadSeen {
            closeNow(.badRequest)
        } else {
            exchange.abandon(now: now)
            exchange.answer(ErrorResponse(error), now: now)
        }
        return false
    }

    /// What came is no request: the answer goes out after those before it, and then the connection ends.
    private func refuse(_ response: ErrorResponse, now: Instant) {
        takesRequests = false
        unread = nil
        let exchange = loop.takeExchange(for: self)
        exchange.prepareRefusal(now: now)
        exchanges.append(exchange)
        exchange.answer(response, now: now)
    }

    // MARK: What exchanges tell

    func leaseGranted(_ exchange: Exchange, now: Instant) {
        if exchange === receiving { setPause(.upstreamFull, !exchange.upstreamIsWritable) }
    }

    func continueReceived(_ exchange: Exchange) {
        guard exchange === receiving else { return }
        expectationEnds = .distantFuture
        setPause(.expectation, false)
    }

    func upstreamWritabilityChanged(_ exchange: Exchange, _ isWritable: Bool) {
        if phase == .tunnel || exchange === receiving { setPause(.upstreamFull, !isWritable) }
    }

    func exchangeEnded(_ exchange: Exchange, now: Instant) {
        guard phase != .closed else { return }
        while let front = exchanges.first, front.isEnded {
            if front === exchange { flush() }
            if front.isCut { return cut(front) }
            exchanges.removeFirst()
            log(front)
            // Its request was never read to the end, or the client was told that this is the last answer.
            let isLast = !front.responsePersists
            if front === receiving { receiving = nil }
            if front === notStarted { notStarted = nil }
            loop.give(front)
            if isLast { return closeAfterResponse(now: now) }
            exchanges.first?.becameFront(now: now)
        }
        goOn(now: now)
    }

    private func goOn(now: Instant) {
        if let next = notStarted, exchanges.first === next {
            notStarted = nil
            next.start(now: now)
        }
        if exchanges.isEmpty, phase == .reading {
            guard takesRequests, !inputClosed, !loop.isDraining else { return closeAfterResponse(now: now) }
            deadlineIsIdle = true
            setDeadline(now + loop.configuration.clientIdleTimeout)
        }
        if unread != nil { process(now: now) }
    }

    private var deadlineIsIdle = false

    private func log(_ exchange: Exchange) {
        guard let log = loop.accessLog else { return }
        log.write(exchange.record, client: id, at: loop.wallClockMilliseconds())
    }

    /// Part of a response went out and the rest will not come: the client must not take it for the whole.
    private func cut(_ exchange: Exchange) {
        log(exchange)
        if exchange.endsByClose { resetOnClose() }
        flush()
        closeNow(.responseCut)
    }

    private func resetOnClose() {
        if let descriptor = context?.channel.descriptor { _ = clinux_reset_on_close(descriptor) }
    }

    // MARK: Tunnels

    func tunnelOpened(_ exchange: Exchange, now: Instant) {
        var buffer = loop.upstream.buffers.take()
        buffer.writeString("HTTP/1.1 200 Connection established\r\n\r\n")
        write(buffer)
        flush()
        loop.upstream.buffers.give(buffer)
        exchange.record.status = 200
        upgraded(exchange, now: now)
    }

    func upgraded(_ exchange: Exchange, now: Instant) {
        phase = .tunnel
        loop.upstream.metrics.tunnels += 1
        receiving = nil
        setPause(.unreadFull, false)
        tunnelActive()
        exchange.clientWritabilityChanged(isWritable, now: now)
        setPause(.upstreamFull, !exchange.upstreamIsWritable)
        if inputClosed { exchange.tunnelClientInputClosed() }
        if unread != nil { process(now: now) }
    }

    func tunnelActive() {
        let timeout = exchanges.first?.tunnelIdleTimeout ?? .zero
        setDeadline(timeout > .zero ? loop.timer.now() + timeout : .distantFuture)
    }

    func tunnelInputClosed(_ exchange: Exchange) {
        guard let context else { return }
        flush()
        if inputClosed { return closeNowAfterWrites(.tunnelEnded) }
        outputClosed = true
        context.close(mode: .output, promise: nil)
    }

    func tunnelClosed(_ exchange: Exchange) {
        guard phase == .tunnel else { return }
        log(exchange)
        flush()
        closeNowAfterWrites(.tunnelEnded)
    }

    // MARK: Writing

    func write(_ buffer: ByteBuffer) {
        context?.write(wrapOutboundOut(buffer), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    private func setPause(_ pause: Pauses, _ on: Bool) {
        if on {
            pauses.insert(pause)
            return
        }
        guard pauses.contains(pause) else { return }
        pauses.remove(pause)
        if pauses.isEmpty, readHeld {
            readHeld = false
            context?.read()
        }
    }

    // MARK: The end

    func drain() {
        switch phase {
        case .reading where exchanges.isEmpty: closeAfterResponse(now: loop.timer.now())
        case .tunnel, .reading, .body, .closing, .closed: takesRequests = takesRequests && phase == .body
        }
    }

    func kill() {
        closeNow(.shutdown)
    }

    private func closeAfterResponse(now: Instant) {
        if closeReason == .clientClosed { closeReason = loop.isDraining ? .shutdown : .afterResponse }
        for exchange in exchanges { exchange.abandon(now: now) }
        closePolitely(now: now)
    }

    /// What was written arrives: our FIN goes first, and a RST that would overtake it is avoided by reading on for a while.
    private func closePolitely(now: Instant) {
        guard let context, phase != .closed, !outputClosed else { return }
        phase = .closing
        unread = nil
        pauses = []
        flush()
        if inputClosed { return closeNowAfterWrites(closeReason) }
        outputClosed = true
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.lingerBegins() }
        setDeadline(now + loop.configuration.clientIdleTimeout)
        context.close(mode: .output, promise: written)
        if readHeld {
            readHeld = false
            context.read()
        }
    }

    private func lingerBegins() {
        if phase == .closing { setDeadline(loop.timer.now() + loop.configuration.closeLinger) }
    }

    /// Closing while the client has closed its side would drop what is still to be written; so it waits for that.
    private func closeNowAfterWrites(_ reason: ClientCloseReason) {
        guard let context, phase != .closed else { return }
        phase = .closing
        closeReason = reason
        setDeadline(loop.timer.now() + loop.configuration.clientIdleTimeout)
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.context?.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    private func closeNow(_ reason: ClientCloseReason) {
        guard phase != .closed else { return }
        closeReason = reason
        phase = .closing
        context?.close(promise: nil)
    }

    private func finish() {
        guard phase != .closed else { return }
        phase = .closed
        let now = loop.timer.now()
        let running = exchanges
        exchanges.removeAll()
        receiving = nil
        notStarted = nil
        unread = nil
        for exchange in running {
            if !exchange.isEnded { exchange.record.aborted = true }
            exchange.abandon(now: now)
            if !exchange.isCut { log(exchange) }
            loop.give(exchange)
        }
        if let timer { loop.timer.remove(timer) }
        loop.upstream.metrics.clientsClosed[closeReason] += 1
        loop.remove(self)
    }

    // MARK: Time

    private func setDeadline(_ when: Instant) {
        deadline = when
        if when < .distantFuture { wake(at: when) }
    }

    private func wake(at when: Instant) {
        let timer = timer ?? Deadline(owner: self)
        self.timer = timer
        loop.timer.wake(timer, at: when)
    }
}

extension ClientHandler: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        if now >= expectationEnds {
            expectationEnds = .distantFuture
            setPause(.expectation, false)
        }
        if now >= deadline {
            deadline = .distantFuture
            timedOut(now: now)
        }
        return min(deadline, expectationEnds)
    }

    private func timedOut(now: Instant) {
        switch phase {
        case .reading where !exchanges.isEmpty:
            // It takes nothing of its answer.
            closeNow(.writeFailed)
        case .reading where deadlineIsIdle:
            closeReason = .idleTimeout
            closePolitely(now: now)
        case .reading:
            closeReason = .headTimeout
            let text = "no complete request head within client_head_timeout"
            refuse(ErrorResponse(status: 408, kind: .httpRequestError, detail: text), now: now)
        case .body:
            guard let exchange = receiving, !exchange.responseHeadSeen else { return closeNow(.requestCut) }
            closeReason = .requestCut
            let text = "no more of the request's body within client_idle_timeout"
            exchange.abandon(now: now)
            exchange.answer(ErrorResponse(status: 408, kind: .httpRequestError, detail: text), now: now)
        case .tunnel:
            exchanges.first?.closeTunnel()
            closeNow(.idleTimeout)
        case .closing:
            context?.close(promise: nil)
        case .closed:
            break
        }
    }
}
