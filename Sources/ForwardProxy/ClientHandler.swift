import HTTPWire
import Metrics
import Pooling
import ProxyTypes
import Reactor
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
final class ClientHandler {
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
    private var stream: TCPStream?
    /// What was read and could not be worked on yet.
    private var unread = ByteStore()
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
    private(set) var isParsing = false
    private var inputClosed = false
    private var takesRequests = true
    private var drained = 0
    private let timer = Deadline()
    private var deadline = Instant.distantFuture
    private var deadlineIsIdle = false
    private var requestsSeen = 0
    private var expectationEnds = Instant.distantFuture
    private var closeReason = ClientCloseReason.clientClosed
    private var isCounted = false

    private static let maxDrained = 256 * 1024

    init(loop: ProxyLoop) {
        self.loop = loop
        id = ClientID(rawValue: loop.nextClientNumber())
        timer.owner = self
    }

    var isWritable: Bool { stream?.isWritable ?? false }

    func isFront(_ exchange: Exchange) -> Bool { exchanges.first === exchange }

    func start(on stream: TCPStream, peer: IPAddress?) {
        self.stream = stream
        let now = loop.now
        guard permits(peer) else {
            closeReason = .refusedAddress
            let text = "this address is not in proxy.allow_from"
            return refuse(ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text), now: now)
        }
        setDeadline(now + loop.configuration.clientHeadTimeout)
    }

    private func permits(_ address: IPAddress?) -> Bool {
        guard !loop.configuration.allowFrom.isEmpty, let address else { return true }
        return loop.configuration.allowFrom.contains { $0.contains(address) }
    }

    // MARK: Requests

    /// Works through what was read until more is needed or the next request has to wait. Returns how much was used.
    private func process(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        isParsing = true
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let count: Int
            switch phase {
            case .body: count = receiveBody(rest, now: now)
            case .reading where mayTakeRequest: count = receiveHead(rest, now: now)
            case .reading: count = 0
            case .tunnel:
                exchanges.first?.tunnelFromClient(rest)
                count = rest.count
            case .closing, .closed: count = rest.count
            }
            used += count
            if count == 0 { break }
        }
        isParsing = false
        return used
    }

    /// Not while the client leaves its answers unread, nor while an answer may make something else of the connection.
    private var mayTakeRequest: Bool {
        takesRequests && notStarted == nil && exchanges.count < ProxyConfiguration.maxPipelined && isWritable
            && exchanges.last?.takesOverConnection != true
    }

    private func processUnread(now: Instant) {
        guard !isParsing, !unread.isEmpty else { return }
        let used = process(unread.bytes, now: now)
        unread.consume(used)
        boundUnread()
    }

    /// Nothing is under way: the connection waits for the next request, or ends if none will come.
    private func settle(now: Instant) {
        guard exchanges.isEmpty, phase == .reading, !isParsing else { return }
        guard takesRequests, !inputClosed, !loop.isDraining else { return closeAfterResponse(now: now) }
        guard unread.isEmpty, !deadlineIsIdle, requestsSeen > 0 else { return }
        deadlineIsIdle = true
        setDeadline(now + loop.configuration.clientIdleTimeout)
    }

    private func boundUnread() {
        if unread.isEmpty { unread.clear(keeping: 0) }
        setPause(.unreadFull, phase != .tunnel && unread.count >= loop.configuration.headLimits.maxHeadBytes)
    }

    /// 0 when the head is not complete.
    private func receiveHead(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        do {
            let limits = loop.configuration.headLimits
            guard try parser.parse(bytes.bytes, limits: limits, into: &loop.requestHead) else {
                // A head that has begun must end in time, however its bytes trickle.
                if exchanges.isEmpty, deadlineIsIdle || deadline == .distantFuture {
                    deadlineIsIdle = false
                    setDeadline(now + loop.configuration.clientHeadTimeout)
                }
                return 0
            }
        } catch {
            closeReason = .badRequest
            refuse(ErrorResponse(error), now: now)
            return bytes.count
        }
        deadlineIsIdle = false
        requestsSeen += 1
        setDeadline(.distantFuture)
        let exchange = loop.takeExchange(for: self)
        exchanges.append(exchange)
        let length = loop.requestHead.length
        route(exchange, bytes.bytes, now: now)
        beginBody(of: exchange, now: now)
        var used = length
        // What of the body came with the head goes out with it.
        if phase == .body, used < bytes.count {
            used += receiveBody(UnsafeRawBufferPointer(rebasing: bytes[used...]), now: now)
        }
        // A malformed body has ended it already, and it may serve someone else by now.
        if exchanges.last === exchange, !exchange.isEnded { startIfItMay(exchange, now: now) }
        return used
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
    private func route(_ exchange: Exchange, _ bytes: RawSpan, now: Instant) {
        switch RequestRouting.route(
            loop.requestHead, bytes, loop: loop, cached: lastPool, cachedAuthority: lastAuthority)
        {
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

    private func receiveBody(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        guard let exchange = receiving else { return bytes.count }
        let count: Int
        do {
            count = try body.consume(bytes.bytes)
        } catch {
            badBody(exchange, error, now: now)
            return bytes.count
        }
        let isLast = body.isComplete
        exchange.record.bytesFromClient += count
        exchange.requestBody(UnsafeRawBufferPointer(rebasing: bytes[..<count]), isLast: isLast, now: now)
        guard isLast else {
            setDeadline(now + loop.configuration.clientIdleTimeout)
            pauseForUpstream(exchange)
            return bytes.count
        }
        receiving = nil
        expectationEnds = .distantFuture
        setPause(.expectation, false)
        setPause(.upstreamFull, false)
        if phase == .body { phase = .reading }
        setDeadline(.distantFuture)
        return count
    }

    private func pauseForUpstream(_ exchange: Exchange) {
        let isFull = !exchange.upstreamIsWritable || exchange.unsentBytes >= loop.configuration.maxBuffer / 2
        setPause(.upstreamFull, isFull)
    }

    private func badBody(_ exchange: Exchange, _ error: WireError, now: Instant) {
        receiving = nil
        closeReason = .badRequest
        takesRequests = false
        if exchange.responseHeadSeen {
            closeNow(.badRequest)
        } else {
            exchange.abandon(now: now)
            exchange.answer(ErrorResponse(error), now: now)
        }
    }

    /// What came is no request: the answer goes out after those before it, and then the connection ends.
    private func refuse(_ response: ErrorResponse, now: Instant) {
        takesRequests = false
        let exchange = loop.takeExchange(for: self)
        exchange.prepareRefusal(now: now)
        exchanges.append(exchange)
        exchange.answer(response, now: now)
    }

    // MARK: What exchanges tell

    func leaseGranted(_ exchange: Exchange, now: Instant) {
        if exchange === receiving { pauseForUpstream(exchange) }
    }

    func continueReceived(_ exchange: Exchange) {
        guard exchange === receiving else { return }
        expectationEnds = .distantFuture
        setPause(.expectation, false)
    }

    func upstreamDrained(_ exchange: Exchange) {
        if phase == .tunnel || exchange === receiving { setPause(.upstreamFull, false) }
    }

    func exchangeEnded(_ exchange: Exchange, now: Instant) {
        guard phase != .closed else { return }
        while let front = exchanges.first, front.isEnded {
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
        processUnread(now: now)
        settle(now: now)
    }

    private func log(_ exchange: Exchange) {
        guard let log = loop.accessLog else { return }
        log.write(exchange.record, client: id, at: loop.wallClockMilliseconds())
    }

    /// Part of a response went out and the rest will not come: the client must not take it for the whole.
    private func cut(_ exchange: Exchange) {
        log(exchange)
        closeReason = .responseCut
        if exchange.endsByClose {
            stream?.reset()
            finish()
        } else {
            endAfterOutput()
        }
    }

    // MARK: Tunnels

    func tunnelOpened(_ exchange: Exchange, now: Instant) {
        var line = ByteStore()
        line.append("HTTP/1.1 200 Connection established\r\n\r\n")
        write(line.bytes)
        exchange.record.status = 200
        upgraded(exchange, now: now)
    }

    func upgraded(_ exchange: Exchange, now: Instant) {
        phase = .tunnel
        loop.upstream.metrics.tunnels += 1
        receiving = nil
        setPause(.unreadFull, false)
        tunnelActive()
        if !isParsing { processUnread(now: now) }
        setPause(.upstreamFull, !exchange.upstreamIsWritable)
        if inputClosed { exchange.tunnelClientInputEnded() }
    }

    func tunnelActive() {
        let timeout = exchanges.first?.tunnelIdleTimeout ?? .zero
        setDeadline(timeout > .zero ? loop.now + timeout : .distantFuture)
    }

    func tunnelInputClosed(_ exchange: Exchange) {
        if inputClosed { endAfterOutput() } else { stream?.shutdownOutput() }
    }

    func tunnelClosed(_ exchange: Exchange) {
        guard phase == .tunnel else { return }
        closeReason = .tunnelEnded
        endAfterOutput()
    }

    // MARK: Writing

    func write(_ bytes: UnsafeRawBufferPointer) {
        stream?.write(bytes)
        if !isWritable { outputWaits() }
    }

    func write(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        stream?.write(a, b)
        if !isWritable { outputWaits() }
    }

    /// A reader that takes nothing for as long as an idle one may stay is given up.
    private func outputWaits() {
        if phase == .reading { setDeadline(loop.now + loop.configuration.clientIdleTimeout) }
    }

    private func setPause(_ pause: Pauses, _ on: Bool) {
        let before = pauses.isEmpty
        if on { pauses.insert(pause) } else { pauses.remove(pause) }
        guard pauses.isEmpty != before else { return }
        if pauses.isEmpty { stream?.resumeReading() } else { stream?.pauseReading() }
    }

    // MARK: The end

    func drain() {
        switch phase {
        case .reading where exchanges.isEmpty: closeAfterResponse(now: loop.now)
        case .reading: takesRequests = false
        case .tunnel, .body, .closing, .closed: break
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
        guard phase != .closed, let stream else { return }
        if inputClosed { return endAfterOutput() }
        phase = .closing
        countClose()
        pauses = []
        stream.resumeReading()
        stream.shutdownOutput()
        setDeadline(now + (stream.outputIsShut ? loop.configuration.closeLinger : loop.configuration.clientIdleTimeout))
    }

    /// When the client has all that it is to get.
    private func endAfterOutput() {
        guard phase != .closed, let stream else { return }
        phase = .closing
        countClose()
        setDeadline(loop.now + loop.configuration.clientIdleTimeout)
        if stream.closeAfterOutput() { finish() }
    }

    private func closeNow(_ reason: ClientCloseReason) {
        guard phase != .closed else { return }
        closeReason = reason
        stream?.close()
        finish()
    }

    private func finish() {
        guard phase != .closed else { return }
        phase = .closed
        let now = loop.now
        let running = exchanges
        exchanges.removeAll()
        receiving = nil
        notStarted = nil
        for exchange in running {
            if !exchange.isEnded { exchange.record.aborted = true }
            exchange.abandon(now: now)
            if !exchange.isCut { log(exchange) }
            loop.give(exchange)
        }
        loop.timer.remove(timer)
        countClose()
        loop.remove(self)
    }

    /// When the end is decided, which may be some time before the client's last byte.
    private func countClose() {
        guard !isCounted else { return }
        isCounted = true
        loop.upstream.metrics.clientsClosed[closeReason] += 1
    }

    // MARK: Time

    private func setDeadline(_ when: Instant) {
        deadline = when
        if when < .distantFuture { wake(at: when) }
    }

    private func wake(at when: Instant) {
        loop.timer.wake(timer, at: when)
    }
}

// MARK: What the stream brings

extension ClientHandler: StreamHandler {
    func connected() {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .reading, .body:
            let now = loop.now
            guard unread.isEmpty, !isParsing else {
                unread.append(bytes)
                processUnread(now: now)
                return settle(now: now)
            }
            let used = process(bytes, now: now)
            if used < bytes.count, phase != .closed {
                unread.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
                boundUnread()
            }
            settle(now: now)
        case .tunnel:
            tunnelActive()
            guard let exchange = exchanges.first else { return }
            exchange.tunnelFromClient(bytes)
            setPause(.upstreamFull, !exchange.upstreamIsWritable)
        case .closing:
            drained += bytes.count
            if drained > Self.maxDrained { closeNow(closeReason) }
        case .closed:
            break
        }
    }

    func inputEnded() {
        inputClosed = true
        switch phase {
        case .reading:
            // Requests that were read before its end are still answered.
            if exchanges.isEmpty { closeNow(.clientClosed) }
        case .body:
            // The request will never be whole: what was sent of it must not look so either.
            closeNow(.requestCut)
        case .tunnel: exchanges.first?.tunnelClientInputEnded()
        case .closing: endAfterOutput()
        case .closed: break
        }
    }

    func failed(_ code: CInt) {
        if code != 0 { closeReason = .clientReset }
        finish()
    }

    func outputDrained() {
        let now = loop.now
        switch phase {
        case .closing: setDeadline(now + loop.configuration.closeLinger)
        case .reading: if !exchanges.isEmpty { setDeadline(.distantFuture) }
        case .body, .tunnel, .closed: break
        }
        exchanges.first?.clientDrained(now: now)
        processUnread(now: now)
        settle(now: now)
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
            closeNow(.idleTimeout)
        case .closing:
            closeNow(closeReason)
        case .closed:
            break
        }
    }
}
