import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Upstream

/// One client's connection: reads requests one after the other, keeps their answers in order, and decides when the
/// connection is kept and how it ends. It never talks to an origin: its exchanges do. Loop-bound.
///
/// ```
///   head, idle, leaving ── head complete ──▶ serving, body, or finishing where it is the last request
///   idle, leaving ──────── part of a head ─▶ head
///   body ───────────────── whole ──────────▶ serving, or finishing; tunnel where 101 came before it was whole
///                          cut, unreadable ▶ finishing
///   serving ────────────── all answered ───▶ idle; head where part of the next is here; leaving where the proxy stops
///                          CONNECT, 101 ───▶ tunnel
///                          CONNECT ────────▶ opening, where intercept is on
///   opening ────────────── spliced ────────▶ serving
///                          its TLS ended ──▶ idle
///   finishing ──────────── all answered ───▶ flushing
///   tunnel ─────────────── ended ──────────▶ closingAfterOutput
///   flushing ───────────── FIN out ────────▶ lingering
///   lingering ──────────── silence, bound ─▶ closed
///   closingAfterOutput ─── output taken ───▶ closed
///
///   An end that is decided elsewhere leads to flushing, or to closingAfterOutput where the client has shut its output;
///   after errors and time-outs of the peer, to closed.
/// ```
final class ClientHandler {
    /// In each state the deadline has one meaning, which is given here.
    enum State {
        /// No request is under way, and the head of the next is awaited or has begun: client_head_timeout.
        case head
        /// Between two requests: client_idle_timeout.
        case idle
        /// The proxy stops; a request that may be on its way is still answered: `leaveTime`.
        case leaving
        /// Requests are under way, and more are taken. Or all are answered, but the client has yet to take the answers
        /// before its next request is read. While output waits to be taken: client_idle_timeout.
        case serving
        /// The body of this exchange's request is being read: client_body_timeout; while reading pauses and output waits to be
        /// taken: client_idle_timeout. `continueBy`: until then the origin's interim response is awaited before the client may
        /// send it (Expect: 100-continue).
        case body(Exchange, continueBy: Instant?)
        /// The client has had its 200, and what it sends decides whether it gets a tunnel: 3 s for its first message, then
        /// tls_timeout for each step of the interception that has no limit of its own.
        case opening(Interception)
        /// No more requests are taken; once those under way are answered, the connection ends for this reason. While
        /// output waits to be taken: client_idle_timeout.
        case finishing(ClientCloseReason)
        /// The connection carries another protocol: tunnel_idle_timeout.
        case tunnel(Exchange)
        /// Our FIN follows output that the client has not taken: client_idle_timeout. Input is dropped.
        case flushing(LingeringClose)
        /// Our FIN is out: `LingeringClose`. Input is dropped.
        case lingering(LingeringClose)
        /// The client has shut its output. Closed when it has taken ours: client_idle_timeout.
        case closingAfterOutput
        case closed
    }

    /// Why reading pauses.
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
    /// What carries its requests: its connection, or the TLS inside.
    var stream: any ByteStream
    /// Nil on a Unix socket.
    let peer: IPAddress?
    /// Whose listener it came to; nil for a client of the proxy.
    let gateway: Gateway?
    /// Where its requests may go, once connd has ended its TLS.
    var interior: Interior?
    var state = State.head
    /// What was read and could not be worked on yet.
    var unread = ByteQueue()
    var parser = RequestHeadParser()
    /// Of the request whose body is being read.
    var body = BodyReader()
    /// In the order of their requests; the first is the one whose turn it is. Only the last can be one that waits to start.
    var exchanges: [Exchange] = []
    var lastRoute: KnownRoute?
    /// For its requests through the gateway.
    var answers: GatewayAnswers?
    /// Where connections were pinned to it: they end with it.
    var pinnedIn: [UpstreamPool] = []

    var pauses: Pauses = []
    /// `process` is running: calls from exchanges do not start it again.
    var isProcessing = false
    /// What it has asked for, for the program behind it.
    var use = ClientUse()
    var isAttributed = false
    /// Its slot among the loop's clients.
    var slot = UInt32.max
    let timer = Deadline()
    private(set) var deadline = Instant.distantFuture

    static let leaveTime = Interval.milliseconds(500)
    /// A client that sends for longer, or more, after its last answer is one that does not read.
    static let lingering = LingeringClose(maxDuration: .seconds(30), maxBytes: 1 << 30)

    init(loop: ProxyLoop, stream: any ByteStream, peer: IPAddress?, gateway: Gateway?) {
        self.loop = loop
        self.stream = stream
        self.peer = peer
        self.gateway = gateway
        id = ClientID(rawValue: loop.nextClientNumber())
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    /// From now on the stream brings bytes.
    func start(now: Instant) {
        stream.handler = self
        stream.tellsResetWhilePaused = true
        setDeadline(now + loop.configuration.clientHeadTimeout)
        guard permits(peer) else {
            let text = "this address is not in proxy.allow_from"
            return refuse(
                ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text), .refusedAddress, now: now)
        }
    }

    private func permits(_ address: IPAddress?) -> Bool {
        guard !loop.configuration.allowFrom.isEmpty, let address else { return true }
        return loop.configuration.allowFrom.contains { $0.contains(address) }
    }

    func forgetRoute() {
        lastRoute = nil
        interior?.forgetPool()
    }

    // MARK: Questions

    var cameOverNetwork: Bool { peer != nil }

    /// Its connection ends once its requests are answered: the proxy stops, or the gateway that it came to is removed.
    var isDraining: Bool { loop.isDraining || gateway?.isRemoved ?? false }

    var isWritable: Bool { stream.isWritable }

    func isFront(_ exchange: Exchange) -> Bool { exchanges.first === exchange }

    /// The body of its request is being read.
    func isReceiving(_ exchange: Exchange) -> Bool {
        switch state {
        case .body(let current, _): current === exchange
        case .head, .idle, .leaving, .serving, .opening, .finishing, .tunnel, .flushing, .lingering,
            .closingAfterOutput, .closed:
            false
        }
    }

    var isTunnel: Bool {
        switch state {
        case .tunnel: true
        case .head, .idle, .leaving, .serving, .body, .opening, .finishing, .flushing, .lingering, .closingAfterOutput,
            .closed:
            false
        }
    }

    /// The end is decided: nothing more is answered.
    var isClosing: Bool {
        switch state {
        case .flushing, .lingering, .closingAfterOutput, .closed: true
        case .head, .idle, .leaving, .serving, .body, .opening, .finishing, .tunnel: false
        }
    }

    /// A stop need not wait for this client any longer: it has its answer, or does not read it.
    func isDone(now: Instant) -> Bool {
        switch state {
        case .lingering(let linger): !linger.isActive(now: now, within: ClientSlots.idleGrace)
        case .closed: true
        case .head, .idle, .leaving, .serving, .body, .opening, .finishing, .tunnel, .flushing, .closingAfterOutput:
            false
        }
    }

    // MARK: Writing

    /// Whether the client takes more at once.
    @discardableResult
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let stream = stream
        stream.write(bytes)
        if stream.isWritable { return true }
        outputWaits()
        return false
    }

    @discardableResult
    func write(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        let stream = stream
        stream.write(a, b)
        if stream.isWritable { return true }
        outputWaits()
        return false
    }

    /// A client that takes no output for client_idle_timeout is given up.
    private func outputWaits() {
        switch state {
        case .serving, .finishing: setOutputDeadline()
        case .body: if !pauses.isEmpty { setDeadline(loop.now + loop.configuration.clientIdleTimeout) }
        case .head, .idle, .leaving, .opening, .tunnel, .flushing, .lingering, .closingAfterOutput, .closed: break
        }
    }

    /// For a state that waits for no input: the client has client_idle_timeout to take output that is waiting already.
    func setOutputDeadline() {
        setDeadline(isWritable ? .distantFuture : loop.now + loop.configuration.clientIdleTimeout)
    }

    // MARK: Reading and time

    func setPause(_ pause: Pauses, _ on: Bool) {
        let before = pauses.isEmpty
        if on { pauses.insert(pause) } else { pauses.remove(pause) }
        guard pauses.isEmpty != before else { return }
        guard pauses.isEmpty else {
            if !isWritable { outputWaits() }
            return stream.pauseReading()
        }
        // A client that was kept from sending was not silent.
        if case .body = state { setDeadline(loop.now + loop.configuration.clientBodyTimeout) }
        stream.resumeReading()
    }

    func setDeadline(_ when: Instant) {
        deadline = when
        if when < .distantFuture { loop.timer.wake(timer, at: when) }
    }
}

extension ClientHandler: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        if case .body(let exchange, let continueBy?) = state, now >= continueBy { endExpectation(of: exchange) }
        if now >= deadline {
            deadline = .distantFuture
            timedOut(now: now)
        }
        guard case .body(_, let continueBy?) = state else { return deadline }
        return min(deadline, continueBy)
    }

    private func timedOut(now: Instant) {
        switch state {
        case .head:
            let text = "no complete request head within client_head_timeout"
            refuse(ErrorResponse(status: 408, kind: .httpRequestError, detail: text), .headTimeout, now: now)
        case .idle: close(.idleTimeout, .politely, now: now)
        case .leaving: close(.shutdown, .politely, now: now)
        case .serving, .finishing:
            // It takes nothing of its answer.
            close(.writeFailed, .atOnce, now: now)
        case .body(let exchange, _): bodyTimedOut(exchange, now: now)
        case .opening(let interception): interception.timedOut(now: now)
        case .tunnel: close(.idleTimeout, .atOnce, now: now)
        case .flushing, .lingering, .closingAfterOutput: closeAtOnce(now: now)
        case .closed: break
        }
    }

    private func bodyTimedOut(_ exchange: Exchange, now: Instant) {
        guard pauses.isEmpty || exchange.isTunnelling else {
            // It is this side that does not read. Where that is because the client takes nothing of its answers, so that its
            // next request cannot start, nothing else would end the wait; otherwise the origin is timed.
            guard isWritable else { return close(.writeFailed, .atOnce, now: now) }
            return setDeadline(now + loop.configuration.clientBodyTimeout)
        }
        let text = "no more of the request's body within client_body_timeout"
        giveUpBody(
            of: exchange, ErrorResponse(status: 408, kind: .httpRequestError, detail: text), .requestCut, now: now)
    }
}
