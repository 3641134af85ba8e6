import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// One request and its response: asks the pool for a connection, sends the request, sends it again where that is safe, and
/// hands the response to its client in turn. What the client connection does next is the client's. Loop-bound; reused.
///
/// ```
///   prepared ─▶ waiting ─▶ sending ─▶ ended
///                  ▲  retry   │
///                  └──────────┘          tunnel: sending ─▶ tunnelling
/// ```
final class Exchange {
    enum Phase {
        case prepared, waiting, sending, tunnelling, ended
    }

    let loop: ProxyLoop
    /// A client abandons its exchanges before it goes, and an abandoned exchange calls nobody.
    unowned(unsafe) var client: ClientHandler
    var phase = Phase.prepared
    var method = HTTPWire.Method.other
    var asksUpgrade = false
    /// Its credentials log in the connection that it is sent on.
    var bindsConnection = false
    var clientVersion = HTTPVersion.http11
    /// The client's wish; what it is told also depends on the response.
    var requestPersists = true
    var pool: UpstreamPool?
    var connection: UpstreamConnection? {
        didSet {
            guard let pool, !isTunnel, (oldValue == nil) != (connection == nil) else { return }
            pool.active += connection == nil ? -1 : 1
        }
    }
    var waiter: WaiterID?
    var isTunnel = false

    var requestHead = ByteQueue()
    var requestBodyComplete = true
    /// The parts of the body that may have to be sent (again): not yet sent, or kept for a retry.
    var body = ByteQueue()
    var bodyIsKept = true

    /// A response head that waits for the first bytes of its body, to be written with them.
    var hasGathered = false
    /// What an exchange that is not yet its client's turn has for it.
    var held = ByteQueue()
    var responseHeadSeen = false
    var responsePersists = true
    var isEnded = false
    var isCut = false
    /// The end of the connection is the end of the body as the client sees it.
    var endsByClose = false

    var attempts = 0
    /// It is the answer to a challenge, which means nothing but on the connection that it went out on.
    var answersChallenge = false
    var retriedFor: RetryCause?
    var record = ExchangeRecord()
    /// What connd answers itself, when the exchange's turn to start has come.
    var ownAnswer: OwnAnswer?
    /// Which of its lives this is: a refusal from within a call may end one, and another may have begun when it returns.
    var use: UInt32 = 0

    enum OwnAnswer {
        case error(ErrorResponse)
        case whole(head: String, body: String)
    }

    static let keptHead = 4096
    static let keptScratch = 64 * 1024

    init(client: ClientHandler, loop: ProxyLoop) {
        self.client = client
        self.loop = loop
    }

    var wantsContentOnly: Bool { clientVersion == .http10 }
    var waitsForLease: Bool { phase == .waiting }
    /// How much of a body is held for want of a connection.
    var unsentBytes: Int { connection == nil ? body.count : 0 }
    /// What comes after it would find nobody.
    var isLastWhileDraining: Bool { loop.isDraining && client.exchanges.last === self }
    var upstreamIsWritable: Bool { connection?.isWritable ?? true }
    /// What the client sends next may not be HTTP any more.
    var takesOverConnection: Bool { isTunnel || asksUpgrade }
    /// As far as is known when it asks for a connection: `RetryPolicy` decides when one is lost.
    var isRetryable: Bool {
        guard method.isIdempotent, requestBodyComplete, let settings = pool?.settings else { return false }
        return attempts < settings.maxRetries && body.count <= settings.replayBuffer
    }
    /// May run beside other requests of the same client.
    var isSafeBesideOthers: Bool {
        method.isSafe && !asksUpgrade && !isTunnel && !bindsConnection && !hasOwnConnection
    }
    /// A connection to its origin is its client's alone: that client's requests go there one after the other.
    var hasOwnConnection: Bool {
        !client.pinnedIn.isEmpty && client.pinnedIn.contains { $0 === pool } && pool?.isPinned(to: client.id) ?? false
    }

    /// Back to what `init` leaves, keeping storage.
    func clear() {
        requestHead.clear(keeping: Self.keptHead)
        phase = .prepared
        connection = nil
        pool = nil
        waiter = nil
        body.clear(keeping: 0)
        bodyIsKept = true
        hasGathered = false
        held.clear(keeping: 0)
        responseHeadSeen = false
        responsePersists = true
        isEnded = false
        isCut = false
        endsByClose = false
        isTunnel = false
        attempts = 0
        answersChallenge = false
        retriedFor = nil
        ownAnswer = nil
        use &+= 1
    }

    var expectContinueTimeout: Interval { pool?.settings.expectContinueTimeout ?? .zero }
    var tunnelIdleTimeout: Interval { pool?.settings.tunnelIdleTimeout ?? .zero }

    // MARK: The request

    /// Takes what it needs from the head, which is the loop's and will be overwritten, and writes the forwarded head.
    func prepare(_ head: borrowing RequestHead, _ bytes: RawSpan, pool: UpstreamPool, now: Instant) {
        take(head, now: now)
        self.pool = pool
        isTunnel = head.method == .connect
        guard !isTunnel else { return }
        let (name, target) = (loop.via(head.version), pool.host)
        let (via, host) = (name.span.bytes, target.span.bytes)
        let size = HeadWriter.requestSize(head, hostLength: host.byteCount, viaLength: via.byteCount)
        let room = requestHead.room(for: size)
        requestHead.commit(HeadWriter.writeRequest(head, bytes, host: host, via: via, into: room))
    }

    /// A request that connd answers itself.
    func prepareOwnAnswer(_ head: borrowing RequestHead, now: Instant) {
        take(head, now: now)
        asksUpgrade = false
        bindsConnection = false
    }

    /// Not even a request: what is wrong is answered in turn.
    func prepareRefusal(now: Instant) {
        method = .other
        asksUpgrade = false
        bindsConnection = false
        clientVersion = .http11
        requestPersists = false
        requestBodyComplete = false
        record = ExchangeRecord()
        record.start = now
    }

    func take(_ head: borrowing RequestHead, now: Instant) {
        method = head.method
        asksUpgrade = head.upgrade
        bindsConnection = head.bindsConnection
        clientVersion = head.version
        requestPersists = head.persistent
        switch head.framing {
        case .none, .length(0): requestBodyComplete = true
        default: requestBodyComplete = false
        }
        record = ExchangeRecord()
        record.start = now
    }

    func describe(_ line: (method: String, target: String)) {
        record.method = line.method
        record.target = line.target
    }

    func start(now: Instant) {
        switch ownAnswer {
        case .error(let response): return answer(response, now: now)
        case .whole(let head, let body): return answer(status: 200, head: head, body: body, now: now)
        case nil: break
        }
        // While it waited for its turn the origin may have been forgotten.
        if let known = pool, known.isForgotten { pool = loop.upstream.pool(for: known.origin) }
        guard let pool else { return }
        phase = .waiting
        loop.upstream.metrics.requests += 1
        record.leaseRequested = now
        if isTunnel {
            let life = use
            let waiter = pool.openTunnel(for: self, client: client.id, now: now)
            if use == life {
                self.waiter = waiter
                record.waited = true
            }
        } else {
            pool.retryBudget.noteRequest(now: now)
            lease(from: pool, fresh: false, now: now)
        }
    }

    func lease(from pool: UpstreamPool, fresh: Bool, now: Instant) {
        phase = .waiting
        record.leaseRequested = now
        let mayPipeline = method.isIdempotent && requestBodyComplete && !asksUpgrade && !bindsConnection
        let life = use
        let waiter = pool.lease(for: self, client: client.id, fresh: fresh, mayPipeline: mayPipeline, now: now)
        if use == life, phase == .waiting {
            self.waiter = waiter
            record.waited = true
        }
    }

    /// A part of the request's body, framed as the client framed it.
    func requestBody(_ bytes: UnsafeRawBufferPointer, isLast: Bool, now: Instant) {
        if isLast { requestBodyComplete = true }
        guard !isEnded else { return }
        if let connection {
            connection.write(bytes)
            if isLast { record.sendTime = now - record.sent }
            if isLast { connection.requestEnded(now: now) } else { connection.requestProgressed(now: now) }
            keepForRetry(bytes)
        } else {
            body.append(bytes)
        }
    }

    func keepForRetry(_ bytes: UnsafeRawBufferPointer) {
        guard bodyIsKept, let pool else { return }
        if responseHeadSeen || body.count + bytes.count > pool.settings.replayBuffer || !method.isIdempotent {
            bodyIsKept = false
            body.clear(keeping: 0)
        } else {
            body.append(bytes)
        }
    }

    // MARK: The client's side

    /// The client is gone, or takes no more: nothing is owed to anyone.
    /// `isAnswered`: but for an answer of connd's own, which is what is counted then.
    func abandon(now: Instant, isAnswered: Bool = false) {
        guard phase != .ended else { return }
        let wasRunning = phase
        phase = .ended
        if let waiter, wasRunning == .waiting { pool?.cancel(waiter, now: now) }
        waiter = nil
        if isTunnel || wasRunning == .tunnelling {
            connection?.closeTunnel(.clientAborted)
        } else {
            connection?.abandon(self, .clientAborted, now: now)
        }
        connection = nil
        if wasRunning != .prepared, !isEnded, !isAnswered {
            loop.upstream.metrics.exchangesAborted += 1
            if wasRunning != .tunnelling { recordEnd(.aborted, now: now) }
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

    func closeTunnel() {
        phase = .ended
        connection?.closeTunnel(.drained)
        connection = nil
    }

    func deliver(_ bytes: UnsafeRawBufferPointer) {
        if client.isFront(self) {
            client.write(bytes)
            if !client.isWritable { connection?.setReading(false, for: self, now: loop.now) }
        } else {
            held.append(bytes)
            if held.count >= ProxyConfiguration.coalesced { connection?.setReading(false, for: self, now: loop.now) }
        }
    }

    func deliver(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) {
        guard client.isFront(self) else {
            deliver(a)
            return deliver(b)
        }
        client.write(a, b)
        if !client.isWritable { connection?.setReading(false, for: self, now: loop.now) }
    }

    func deliverGathered() {
        guard hasGathered else { return }
        hasGathered = false
        deliver(loop.upstream.scratch.bytes)
    }

    // MARK: Answers of our own

    func answer(_ response: ErrorResponse, now: Instant) {
        loop.upstream.metrics.errors[response.kind] += 1
        record.status = response.status
        record.error = response.kind
        record.errorDetail = response.detail
        responsePersists = requestPersists && requestBodyComplete && !isLastWhileDraining
        var buffer = ByteQueue()
        response.write(
            into: &buffer, origin: pool?.origin, isHead: method == .head, persists: responsePersists,
            version: clientVersion, now: loop.wallClockMilliseconds() / 1000)
        endOwnAnswer(buffer.bytes, now: now)
    }

    /// A whole response made here: `head` without its Connection field and without the empty line.
    func answer(status: Int, head: String, body: String, now: Instant) {
        record.status = status
        responsePersists = requestPersists && requestBodyComplete && !isLastWhileDraining
        var buffer = ByteQueue()
        buffer.append(head)
        if !responsePersists {
            buffer.append("Connection: close\r\n")
        } else if clientVersion == .http10 {
            buffer.append("Connection: keep-alive\r\n")
        }
        buffer.append("\r\n")
        buffer.append(body)
        endOwnAnswer(buffer.bytes, now: now)
    }

    func endOwnAnswer(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        hasGathered = false
        phase = .ended
        isEnded = true
        responseHeadSeen = true
        deliver(bytes)
        recordEnd(.proxyError, now: now)
        client.exchangeEnded(self, now: now)
    }
}
