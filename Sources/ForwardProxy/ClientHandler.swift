import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Upstream

/// One client's connection: reads requests one after the other, keeps their answers in order, and decides when the
/// connection lives on and how it ends. It never talks to an origin: its exchanges do. Loop-bound.
///
/// ```
///   reading ◀──────────────▶ body          one exchange's body at a time; safe requests may queue behind each other
///      │  CONNECT, 101          │  101 while content was still due
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
    var phase = Phase.reading
    var stream: (any ByteStream)?
    /// What was read and could not be worked on yet.
    var unread = ByteQueue()
    var parser = RequestHeadParser()
    var body = BodyReader()
    /// In the order of their requests; the first is the one whose turn it is.
    var exchanges: [Exchange] = []
    var receiving: Exchange?
    /// Prepared, but not to run beside those before it.
    var notStarted: Exchange?
    var lastAuthority: [UInt8] = []
    var lastPool: UpstreamPool?
    /// Where connections were pinned to it: they end with it.
    var pinnedIn: [UpstreamPool] = []

    var pauses: Pauses = []
    var isParsing = false
    var inputClosed = false
    var takesRequests = true
    var linger = LingeringClose(maxDuration: .seconds(30), maxBytes: 1 << 30)
    /// Its place among the loop's clients.
    var place = UInt32.max
    let timer = Deadline()
    var deadline = Instant.distantFuture
    var deadlineIsIdle = false
    var requestsSeen = 0
    var expectationEnds = Instant.distantFuture
    var closeReason = ClientCloseReason.clientClosed
    var isCounted = false
    /// The proxy stops: this waits only for a request that may be on its way.
    var isLeaving = false

    static let leaveTime = Interval.milliseconds(500)

    init(loop: ProxyLoop) {
        self.loop = loop
        id = ClientID(rawValue: loop.nextClientNumber())
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    var isWritable: Bool { stream?.isWritable ?? false }

    /// It has all that it was to get; only its end is awaited.
    var isLingering: Bool { phase == .closing && stream?.outputIsShut ?? true }

    /// A stop need not wait for it any longer: the client has its answer, or does not read it.
    func isDone(now: Instant) -> Bool { isLingering && !linger.isActive(now: now, within: ClientPlaces.settled) }

    func isFront(_ exchange: Exchange) -> Bool { exchanges.first === exchange }

    func start(on stream: any ByteStream, peer: IPAddress?) {
        self.stream = stream
        stream.tellsResetWhilePaused = true
        let now = loop.now
        guard permits(peer) else {
            closeReason = .refusedAddress
            let text = "this address is not in proxy.allow_from"
            return refuse(ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text), now: now)
        }
        setDeadline(now + loop.configuration.clientHeadTimeout)
    }

    func permits(_ address: IPAddress?) -> Bool {
        guard !loop.configuration.allowFrom.isEmpty, let address else { return true }
        return loop.configuration.allowFrom.contains { $0.contains(address) }
    }

    func forgetRoute() {
        lastPool = nil
        lastAuthority = []
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
    func outputWaits() {
        if phase == .reading { setDeadline(loop.now + loop.configuration.clientIdleTimeout) }
    }

    func setPause(_ pause: Pauses, _ on: Bool) {
        let before = pauses.isEmpty
        if on { pauses.insert(pause) } else { pauses.remove(pause) }
        guard pauses.isEmpty != before else { return }
        guard pauses.isEmpty else {
            stream?.pauseReading()
            return
        }
        // Whom we kept from sending was not silent.
        if phase == .body { setDeadline(loop.now + loop.configuration.clientBodyTimeout) }
        stream?.resumeReading()
    }

    // MARK: Time

    func setDeadline(_ when: Instant) {
        deadline = when
        if when < .distantFuture { wake(at: when) }
    }

    func wake(at when: Instant) {
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
            discard(bytes.count, now: loop.now)
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
        case .closing: beginLingering(now: now)
        case .reading where !exchanges.isEmpty: setDeadline(.distantFuture)
        case .reading: if deadlineIsIdle { loop.places.idle(place, now: now) }
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

    func timedOut(now: Instant) {
        switch phase {
        case .reading where !exchanges.isEmpty:
            // It takes nothing of its answer.
            closeNow(.writeFailed)
        case .reading where deadlineIsIdle:
            closeReason = isLeaving ? .shutdown : .idleTimeout
            closePolitely(now: now)
        case .reading:
            closeReason = .headTimeout
            let text = "no complete request head within client_head_timeout"
            refuse(ErrorResponse(status: 408, kind: .httpRequestError, detail: text), now: now)
        case .body where !pauses.isEmpty && receiving?.isTunnelling != true:
            // It is we who do not read; and it is the origin that is timed.
            setDeadline(now + loop.configuration.clientBodyTimeout)
        case .body:
            guard let exchange = receiving, !exchange.responseHasBegun else { return closeNow(.requestCut) }
            closeReason = .requestCut
            let text = "no more of the request's body within client_body_timeout"
            exchange.answerInstead(ErrorResponse(status: 408, kind: .httpRequestError, detail: text), now: now)
        case .tunnel:
            closeNow(.idleTimeout)
        case .closing:
            closeNow(closeReason)
        case .closed:
            break
        }
    }
}
