import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// One request and its response: asks the pool for a connection, sends the request, sends it again where that is safe, and
/// passes the response to its client in turn. What the client's connection does next is up to the client. Loop-bound; reused.
///
/// ```
///   prepared ──▶ waiting ──▶ sending ──────────▶ ended
///      │         ▲    │        │ │               ▲ ▲ ▲
///      │         └────│────────┘ └─▶ tunnelling ─┘ │ │      sending ─▶ waiting: a retry
///      │              │ refused     (101, CONNECT) │ │
///      │              └────────────────────────────┘ │      any ─▶ ended: given up, or answered by connd itself
///      └─────────────────────────────────────────────┘
///
///   prepared ─▶ opening ─▶ waiting, or ended: a CONNECT to a host with intercept: on
/// ```
final class Exchange {
    enum State {
        /// Its turn to start has not come.
        case prepared(Plan)
        /// Its client was told that the tunnel is open; what it sends decides whether there will be one.
        case opening(Interception)
        /// It has asked its pool for a connection.
        case waiting(Wait)
        /// The request is on the connection, or on its way there; the response is not whole. `isLoggingIn`: the request
        /// answers a challenge that means nothing on any other connection.
        case sending(UpstreamConnection, isLoggingIn: Bool)
        /// The connection carries another protocol.
        case tunnelling(UpstreamConnection)
        /// It holds no connection, and makes no more calls to its client.
        case ended(Outcome)
    }

    enum Plan {
        /// The request is sent to the origin of `pool`.
        case forward
        indirect case localReply(LocalReply)
    }

    enum Wait {
        /// The call that asks has not returned: it may grant or refuse at once.
        case asking
        case queued(WaiterID)
    }

    enum Outcome {
        /// The response is whole, whether the origin's or connd's own.
        case answered
        /// Some of the response was passed on, and the rest will not come.
        case cut
        case tunnelClosed
        /// The client is gone or takes no more.
        case abandoned
    }

    /// How far the final response got.
    enum Response {
        /// Nothing of it was passed on: the request can still be answered otherwise.
        case none
        /// Its head is in the loop's scratch, to be written with the first bytes of its body. It too can still be replaced.
        case gathered(Persistence)
        /// Passed on, if only to be held until the exchange's turn.
        case sent(Persistence)
    }

    /// What the response says of the client's connection after it (RFC 9112 9.3).
    enum Persistence {
        case keepAlive, close
        /// The end of the connection is the end of the body (RFC 9112 6.3).
        case closeDelimited
    }

    enum BodyProgress {
        case arriving, complete
    }

    /// Whether the request's body can be sent again.
    enum Replay {
        /// `body` holds all of it that has arrived.
        case replayable
        /// It has been passed on and is not kept.
        case spent
    }

    let loop: ProxyLoop
    /// Safe: a client abandons its exchanges before it goes, and an exchange that has ended does not call it.
    unowned(unsafe) var client: ClientHandler
    private(set) var state = State.ended(.abandoned)
    var response = Response.none
    var traits = RequestTraits()
    /// The origin's; nil where connd answers itself.
    private(set) var pool: UpstreamPool?
    /// How its response is rewritten; nil for a client of the proxy.
    private(set) var gateway: GatewayAnswers?
    /// As it is sent to the origin.
    var requestHead = ByteQueue()
    var bodyProgress = BodyProgress.complete
    /// Of the request as its client announced it; `.max` where the end will tell.
    private(set) var bodyLength = 0
    var replay = Replay.replayable
    /// While no connection is held, what has arrived of the request's body; otherwise what is kept of it for a retry.
    var body = ByteQueue()
    /// What an exchange that is not yet its client's turn has for it.
    var held = ByteQueue()
    var record = ExchangeRecord()
    /// Changes with each reuse: a call may end this exchange and begin its next life before it returns.
    private var generation: UInt32 = 0

    private static let keptHead = 4096

    init(client: ClientHandler, loop: ProxyLoop) {
        self.client = client
        self.loop = loop
    }

    /// The only place that changes the state.
    func move(to next: State) {
        state = next
    }

    /// Back to what `init` leaves, keeping storage.
    func clear() {
        Invariant.check(hasEnded, "an exchange that runs is reused")
        move(to: .ended(.abandoned))
        response = .none
        pool = nil
        gateway = nil
        requestHead.clear(keeping: Self.keptHead)
        bodyProgress = .complete
        replay = .replayable
        body.clear(keeping: 0)
        held.clear(keeping: 0)
        generation &+= 1
    }

    // MARK: The request

    /// Takes what it needs from the head, which is the loop's and will be overwritten, and writes the forwarded head.
    func prepare(
        _ head: borrowing RequestHead, _ bytes: RawSpan, pool: UpstreamPool, gateway: GatewayAnswers?, now: Instant
    ) {
        take(RequestTraits(head), head.framing, now: now)
        self.pool = pool
        self.gateway = gateway
        move(to: .prepared(.forward))
        guard !isTunnel else { return }
        if let gateway, gateway.target.route.preservesHost, !head.authority.isEmpty {
            writeHead(head, bytes, authority: bytes.extracting(head.authority))
        } else {
            let authority = pool.authority
            writeHead(head, bytes, authority: authority.span.bytes)
        }
    }

    private func writeHead(_ head: borrowing RequestHead, _ bytes: RawSpan, authority: RawSpan) {
        let name = loop.via(head.version)
        let via = name.span.bytes
        let size = HeadWriter.requestSize(head, authorityLength: authority.byteCount, viaLength: via.byteCount)
        let room = requestHead.room(for: size)
        requestHead.commit(HeadWriter.writeRequest(head, bytes, authority: authority, via: via, into: room))
    }

    /// A request that connd answers itself when its turn comes.
    func prepare(_ head: borrowing RequestHead, _ reply: LocalReply, now: Instant) {
        take(RequestTraits(answeredHere: head), head.framing, now: now)
        move(to: .prepared(.localReply(reply)))
    }

    /// As `prepare`, and its connection ends behind the answer.
    func prepareLast(_ head: borrowing RequestHead, _ reply: LocalReply, now: Instant) {
        prepare(head, reply, now: now)
        traits.persists = false
    }

    /// Bytes that are no request: what is wrong with them is answered when its turn comes, and ends the connection.
    func prepareRefusal(_ response: ErrorResponse, now: Instant) {
        take(.unreadable, .none, now: now)
        move(to: .prepared(.localReply(.error(response))))
    }

    private func take(_ traits: RequestTraits, _ framing: BodyFraming, now: Instant) {
        self.traits = traits
        switch framing {
        case .none: (bodyProgress, bodyLength) = (.complete, 0)
        case .length(let length):
            (bodyProgress, bodyLength) = (length == 0 ? .complete : .arriving, Int(clamping: length))
        case .chunked, .untilClose: (bodyProgress, bodyLength) = (.arriving, .max)
        }
        record = ExchangeRecord()
        record.start = now
    }

    func describe(_ line: (method: String, target: String)) {
        record.method = line.method
        record.target = line.target
    }

    func start(now: Instant) {
        guard case .prepared(let plan) = state else { return Invariant.broken("an exchange is started twice") }
        switch plan {
        case .localReply(let reply): answer(reply, now: now)
        case .forward:
            countBegun()
            guard let pool else { return Invariant.broken("a request is forwarded to no origin") }
            if isTunnel {
                if client.beginInterception(of: self, to: pool, now: now) { return }
            } else {
                pool.retryBudget.noteRequest(now: now)
            }
            requestConnection(from: pool, fresh: false, now: now)
        }
    }

    /// Counts the request as begun, so that `recordEnd` may count it as ended.
    private func countBegun() {
        guard let known = pool else { return }
        // While it waited for its turn the origin may have been forgotten.
        if known.isForgotten { pool = loop.upstream.pool(for: known.origin) }
        loop.upstream.metrics.requests += 1
    }

    /// Opens the tunnel of a spliced CONNECT, whose client has its 200 already.
    func openPromisedTunnel(now: Instant) {
        guard case .opening = state, let known = pool else {
            return Invariant.broken("a tunnel is opened that was not promised")
        }
        if known.isForgotten { pool = loop.upstream.pool(for: known.origin) }
        requestConnection(from: pool ?? known, fresh: false, now: now)
    }

    /// `fresh`: one that has served nothing yet.
    func requestConnection(from pool: UpstreamPool, fresh: Bool, now: Instant) {
        move(to: .waiting(.asking))
        record.leaseRequested = now
        let asked = generation
        let waiter =
            isTunnel
            ? pool.openTunnel(for: self, client: client.id, now: now)
            : pool.lease(for: self, client: client.id, fresh: fresh, mayPipeline: mayPipeline, now: now)
        guard let waiter else { return }
        guard generation == asked, case .waiting(.asking) = state else {
            // It was given up within the call, and may have been reused.
            return pool.cancel(waiter, now: now)
        }
        record.waited = true
        move(to: .waiting(.queued(waiter)))
    }

    /// A part of the request's body, framed as the client framed it.
    func requestBody(_ bytes: UnsafeRawBufferPointer, isLast: Bool, now: Instant) {
        if isLast { bodyProgress = .complete }
        switch state {
        case .prepared, .opening, .waiting: body.append(bytes)
        case .sending(let connection, _), .tunnelling(let connection):
            connection.write(bytes)
            if isLast {
                record.sendTime = now - record.sent
                if isLongUpload { record.restart = connection.uploadEnded() }
                connection.requestEnded(now: now)
            } else {
                connection.requestProgressed(now: now)
            }
            keepForRetry(bytes)
        case .ended:
            // It was answered before it had all been read.
            break
        }
    }

    private func keepForRetry(_ bytes: UnsafeRawBufferPointer) {
        guard case .replayable = replay, let pool else { return }
        if body.count + bytes.count > pool.settings.replayBuffer || !method.isIdempotent {
            forgetBody()
        } else {
            body.append(bytes)
        }
    }

    func forgetBody() {
        replay = .spent
        body.clear(keeping: 0)
    }

    // MARK: The client's side

    /// The client is gone, or takes no more: nothing is owed to anyone.
    func abandon(now: Instant) {
        switch state {
        case .ended: return
        case .prepared: move(to: .ended(.abandoned))
        case .opening, .waiting, .sending:
            giveUp(now: now)
            loop.upstream.metrics.exchangesAborted += 1
            recordEnd(.aborted, now: now)
        case .tunnelling:
            giveUp(now: now)
            loop.upstream.metrics.exchangesAborted += 1
        }
    }

    /// Gives up what runs and answers the request here.
    func answerInstead(_ response: ErrorResponse, now: Instant) {
        let given = generation
        // Its body failed before its turn came.
        if isPrepared { countBegun() }
        giveUp(now: now)
        // Others that lose the connection with it may have ended the client.
        guard generation == given else { return }
        answer(.error(response), now: now)
    }

    /// Wants nothing more from its origin.
    private func giveUp(now: Instant) {
        let before = state
        move(to: .ended(.abandoned))
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.waiterOutlivesClient), case .waiting = before { return }
        #endif
        switch before {
        // An exchange that is still asking finds its state changed when the call returns.
        case .prepared, .ended, .waiting(.asking): break
        case .opening(let interception): interception.cancel(now: now)
        case .waiting(.queued(let waiter)): pool?.cancel(waiter, now: now)
        case .sending(let connection, _): connection.abandon(self, .clientAborted, now: now)
        case .tunnelling(let connection): connection.closeTunnel(.clientAborted)
        }
    }

    /// It is this exchange's turn: what was held goes out, and what comes goes through.
    func becameFront(now: Instant) {
        if !held.isEmpty {
            client.write(held.bytes)
            held.clear(keeping: 0)
        }
        connection?.limitReads(to: nil, for: self)
        connection?.setReading(client.isWritable, for: self, now: now)
    }

    func clientDrained(now: Instant) {
        connection?.setReading(true, for: self, now: now)
    }

    func tunnelFromClient(_ bytes: UnsafeRawBufferPointer) {
        record.bytesFromClient += bytes.count
        connection?.write(bytes)
    }

    func tunnelClientInputEnded() {
        connection?.shutTunnelOutput()
    }

    func deliver(_ bytes: UnsafeRawBufferPointer) {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.answersOvertake) {
                client.write(bytes)
                return
            }
        #endif
        let client = client
        if client.isFront(self) {
            if !client.write(bytes) { connection?.setReading(false, for: self, now: loop.now) }
        } else {
            held.append(bytes)
            if held.count >= ProxyConfiguration.coalesced { connection?.setReading(false, for: self, now: loop.now) }
        }
    }

    func deliver(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        let client = client
        guard client.isFront(self) else {
            deliver(a)
            return deliver(b)
        }
        if !client.write(a, b) { connection?.setReading(false, for: self, now: loop.now) }
    }
}
