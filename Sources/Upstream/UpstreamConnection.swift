import HTTPWire
import Metering
package import Pooling
package import ProxyTypes
package import Reactor
import Tuning

/// One upstream connection: it frames responses, passes their bytes to the exchange that holds it, watches itself while
/// idle, and closes. It never decides who gets it next: its pool does. Loop-bound.
///
/// ```
///            lease                 response whole, nothing pipelined
///   idle ──────────────▶ serving ────────────────────────────────────▶ idle
///     │                    │  │ 101                 CONNECT: idle ──▶ tunnel
///     │ FIN, RST, bytes    │  └──────▶ tunnel
///     │ pool's order       │ cut,        │ both ends, FIN or RST,
///     │                    │ time-out,   │ given up
///     │                    ▼ given up    ▼
///     └───────────▶ closing (lingering, flushing) ───▶ closed         abrupt: from any state to closed
/// ```
///
/// `serving` goes on with the next pipelined exchange where there is one. A connection does not come back from `closing`.
package final class UpstreamConnection {
    enum Purpose {
        /// It is pooled.
        case requests
        /// A CONNECT alone.
        case tunnel
    }

    let id: ConnectionID
    let purpose: Purpose
    package let number: UInt64
    let pool: UpstreamPool
    let loop: UpstreamLoop
    let stream: any ByteStream
    package let openedAt: Instant
    package let dialTimes: DialTimes
    /// Nil where it is not encrypted.
    let tls: TLSInfo?
    let cause: DialCause
    let addressSource: AddressSource
    let dialAttempts: [DialAttempt]
    /// Kept, as a socket that was reset no longer has them.
    let local: Endpoint?
    let remote: Endpoint?
    /// The origin's name has another address now: it serves no further request.
    private(set) var hasAddressLeft = false

    var state: State
    /// Whose request it serves, or whose tunnel it is; nil in the other states. It is not in the state, as counting its
    /// references wherever a state is copied would cost 8 % of the instructions of a small request.
    var exchange: (any UpstreamExchange)?
    /// While serving: the exchanges whose requests were sent behind the running one's, in the order in which their
    /// responses come (RFC 9112 9.3.2). When it closes: those that have yet to be told that their response is lost, the
    /// running one first. An exchange that is told may end its client, whose other exchanges then leave the list.
    var outstanding: [any UpstreamExchange] = []

    // The machinery of `serving`, which would be too large to move with the state.
    var headParser = ResponseHeadParser()
    /// Valid while a response is in its body.
    var bodyReader = BodyReader()
    var keepAliveHint: KeepAliveHint?
    /// The beginning of a head, or of the end of a chunked body, the rest of which has not come.
    var partial = ByteQueue()

    package private(set) var requestsServed = 0
    /// When its latest lease began.
    private(set) var leasedAt: Instant
    package internal(set) var bytesReceived = 0
    /// By the lease that runs or ran last, and by those before it.
    package internal(set) var bytesSent = 0
    private(set) var bytesSentBefore = 0
    /// While the first request after an idle minute has no answer; and `tcp_idle_probe` as it was when this was opened.
    var probe: IdleProbe?
    let idleProbeLimit: Interval
    /// The settings that end waits for acknowledgements, as they were when this was opened.
    package let hasQuickack: Bool
    package let hasNoDelay: Bool
    /// What the kernel knew when it was last asked for the origin's figures.
    var sampled = TCPInfo()
    /// `sampled.retransmits` of the time before.
    var retransmitsBefore = 0
    /// Since when it had been idle when its latest lease began.
    private(set) var idleBefore = Instant.zero
    /// The latest; see `UpstreamConnection+SlowStart`.
    var upload: Upload?
    var firstRoundTrip: FirstRoundTrip?
    /// Whether its congestion control cuts the window of an idle sender; nil before it was first asked for.
    var controlRestarts: Bool?
    var watch = IdleWatch()
    /// Of the latest lease.
    var leaseTimes: LeaseTimes
    let timer = Deadline()
    /// It has closed and left nothing in TIME_WAIT on this side.
    var portIsFree = false

    init(
        id: ConnectionID, purpose: Purpose, number: UInt64, pool: UpstreamPool, cause: DialCause,
        dialled: DialledStream, now: Instant
    ) {
        self.id = id
        self.purpose = purpose
        self.cause = cause
        self.number = number
        self.pool = pool
        loop = pool.loop
        stream = dialled.stream
        dialTimes = dialled.times
        tls = dialled.tls
        addressSource = dialled.source
        dialAttempts = dialled.attempts
        openedAt = now
        leasedAt = now
        leaseTimes = LeaseTimes(occupied: now)
        idleProbeLimit = pool.settings.tcpIdleProbe
        hasQuickack = pool.settings.tcpQuickack
        hasNoDelay = pool.settings.tcpNodelay
        state = .idle(since: now)
        local = dialled.stream.localEndpoint
        remote = dialled.stream.remoteEndpoint
        timer.owner = self
        stream.handler = self
    }

    deinit {
        timer.owner = nil
    }

    /// Whether it was idle before its latest lease, for however short a time: the origin may have ended it then.
    package var mayBeStale: Bool { requestsServed > 1 || leasedAt > openedAt }
    /// Whether requests are pipelined on it.
    package var isShared: Bool { !outstanding.isEmpty }
    package var isWritable: Bool { stream.isWritable }

    func addressLeft() { hasAddressLeft = true }
    func addressReturned() { hasAddressLeft = false }

    // MARK: Leases

    func lease(to exchange: any UpstreamExchange, now: Instant) {
        requestsServed += 1
        leasedAt = now
        switch state {
        case .idle(let since):
            if now - since >= IdleProbe.leastSilence { beginProbe(idle: now - since, now: now) }
            idleBefore = since
            bytesSentBefore += bytesSent
            bytesSent = 0
            self.exchange = exchange
            state = .serving(Serving())
        case .serving:
            // It was not idle before this one.
            idleBefore = now
            outstanding.append(exchange)
        case .tunnel, .closing, .closed: Invariant.broken("a connection is leased that cannot serve")
        }
    }

    func startTunnel(for exchange: any UpstreamExchange) {
        guard case .idle = state else { return Invariant.broken("a connection in use becomes a tunnel") }
        beginTunnel(for: exchange, since: openedAt)
    }

    /// Its dial has ended in this very round of the loop.
    func isFresh(_ now: Instant) -> Bool { openedAt == now }

    /// Whether nothing has come in since it went idle, asked of the kernel: for a request that must not be sent twice.
    func isSilent() -> Bool {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.closeNotifyNotAskedFor), tls != nil { return true }
        #endif
        return stream.isSilent
    }

    /// It serves no other client from now on. `isLoggingIn`: that client has just been challenged and is yet to answer.
    package func pin(to client: ClientID, isLoggingIn: Bool) { pool.pin(self, to: client, isLoggingIn: isLoggingIn) }

    /// Belongs to one client already.
    package var isPinned: Bool { pool.machine.ownership(of: id)?.owner != nil }
    package var isLoggingIn: Bool { pool.machine.ownership(of: id)?.isLoggingIn ?? false }

    // MARK: What the exchange does

    package func write(_ bytes: UnsafeRawBufferPointer) {
        countSent(bytes.count)
        stream.write(bytes)
    }

    package func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        countSent(first.count + second.count)
        stream.write(first, second)
    }

    /// The request was written in full: from here on the origin has headers_timeout to answer.
    package func requestEnded(now: Instant) {
        switch state {
        case .serving(var serving):
            serving.request = .complete
            watch.asked = now
            requestProgressed(serving, now: now)
        // The end of the content behind a 101, or the loss of the connection is yet to be told.
        case .tunnel, .idle, .closing, .closed: break
        }
    }

    /// Some of the request was written, or taken: the origin has its time anew.
    package func requestProgressed(now: Instant) {
        switch state {
        case .serving(let serving): requestProgressed(serving, now: now)
        // The content behind a 101, or what is written while the loss of the connection is yet to be told.
        case .tunnel, .idle, .closing, .closed: break
        }
    }

    /// `serving` is the next state.
    @inline(__always)
    private func requestProgressed(_ serving: Serving, now: Instant) {
        switch serving.response {
        case .none, .head: restartTimeout(of: serving, now: now)
        // It answers early, and its time is that of the body.
        case .body: state = .serving(serving)
        }
    }

    /// Back-pressure: whether to read more of the response to this exchange. Ignored while another one's is due: a slow
    /// client must not hold back the others whose requests share the connection.
    package func setReading(_ reading: Bool, for exchange: any UpstreamExchange, now: Instant) {
        switch state {
        case .serving(var serving):
            let wanted: Serving.Reading = reading ? .on : .paused
            guard serving.reading != wanted, exchange === self.exchange else { return }
            serving.reading = wanted
            restartTimeout(of: serving, now: now)
        case .tunnel:
            guard exchange === self.exchange else { return }
        // Its response has ended, or its loss is yet to be told.
        case .idle, .closing, .closed: return
        }
        if reading { stream.resumeReading() } else { stream.pauseReading() }
    }

    /// How much one read of the response to this exchange may bring; nil for the usual.
    package func limitReads(to count: Int?, for exchange: any UpstreamExchange) {
        switch state {
        case .serving, .tunnel: if exchange === self.exchange { stream.readLimit = count ?? .max }
        case .idle, .closing, .closed: break
        }
    }

    var isTunnel: Bool {
        switch state {
        case .tunnel, .closing(.flushing): true
        case .idle, .serving, .closing(.lingering), .closed: false
        }
    }
}

// MARK: What the stream brings

extension UpstreamConnection: StreamHandler {
    /// The dial connected the stream before this became its handler.
    package func connected() {}

    package func received(_ bytes: UnsafeRawBufferPointer) {
        countReceived(bytes.count)
        if probe != nil { endProbe() }
        switch state {
        case .serving: receive(bytes, now: loop.now)
        case .tunnel: exchange?.tunnelBytes(bytes)
        case .idle: close(.unsolicitedBytes, .abrupt)
        case .closing(.lingering(let lingering)): drop(bytes.count, lingering)
        // Its input has ended.
        case .closing(.flushing), .closed: Invariant.broken("bytes behind the end of a stream")
        }
    }

    package func inputEnded() {
        if stream.inputEndIsUnproven { pool.statistics.tls.uncleanEnds += 1 }
        switch state {
        case .idle: close(.originFinIdle, .abrupt)
        case .serving(let serving): inputEnded(.fin, of: serving, now: loop.now)
        case .tunnel(let tunnel): tunnelInputEnded(tunnel)
        case .closing(.lingering(let lingering)): close(lingering.reason, .abrupt)
        case .closing(.flushing), .closed: Invariant.broken("a stream's input ends twice")
        }
    }

    package func closed(_ cause: StreamEnd) {
        switch state {
        case .idle(let since):
            close(cause.closeReason, .abrupt)
            if cause.isSilence { probesUnanswered(idleSince: since, now: loop.now) }
        case .serving(let serving): streamClosed(cause, serving, now: loop.now)
        case .tunnel: endTunnel(cause.closeReason, .abrupt)
        case .closing(.lingering(let lingering)): close(lingering.reason, .abrupt)
        case .closing(.flushing): endTunnel(cause.closeReason, .abrupt)
        case .closed: Invariant.broken("a closed stream closes")
        }
    }

    private func streamClosed(_ cause: StreamEnd, _ serving: Serving, now: Instant) {
        switch cause {
        case .failure: inputEnded(cause.isSilence ? .silence : .reset, of: serving, now: now)
        #if CONND_PLANTED_FAULTS
            case .tls where PlantedFault.isActive(.alertRetried): inputEnded(.reset, of: serving, now: now)
        #endif
        case .tls(let failure):
            let text = "TLS with the origin broke: \(failure.detail)"
            fail(.tls(ProxyError(failure.reason.errorKind, detail: text)), .tlsFailed, now: now)
        case .outputDone: Invariant.broken("a stream in use closes after its output")
        }
    }

    package func outputDrained() {
        switch state {
        case .serving:
            requestProgressed(now: loop.now)
            exchange?.upstreamDrained()
        case .tunnel: exchange?.upstreamDrained()
        // Nothing more is to be written.
        case .idle, .closing, .closed: break
        }
    }
}

// MARK: Time

extension UpstreamConnection: DeadlineOwner {
    func restartTimeout(now: Instant) {
        if case .serving(let serving) = state { restartTimeout(of: serving, now: now) }
    }

    /// `serving` is the next state.
    @inline(__always)
    private func restartTimeout(of serving: Serving, now: Instant) {
        var serving = serving
        #if CONND_PLANTED_FAULTS
            let headers = PlantedFault.isActive(.headersTimeoutNotSet) ? .zero : pool.settings.headersTimeout
        #else
            let headers = pool.settings.headersTimeout
        #endif
        serving.restartTimeout(headers: headers, bodyIdle: pool.settings.bodyIdleTimeout, now: now)
        state = .serving(serving)
        let due = serving.timeout.deadline
        if due < .distantFuture { loop.timer.wake(timer, at: due) }
    }

    var deadline: Instant {
        switch state {
        case .serving(let serving): serving.timeout.deadline
        case .closing(.lingering(let lingering)): lingering.until
        case .idle: watch.tells
        case .tunnel, .closing(.flushing), .closed: .distantFuture
        }
    }

    package func deadlineReached(now: Instant) -> Instant {
        guard now >= deadline else { return deadline }
        switch state {
        case .serving(let serving): timedOut(serving.timeout, now: now)
        case .closing(.lingering(let lingering)): lingerEnded(lingering)
        case .idle: tellOutlived(now: now)
        case .tunnel, .closing(.flushing), .closed: Invariant.broken("a deadline in a state that has none")
        }
        return deadline
    }

    private func timedOut(_ timeout: Serving.Timeout, now: Instant) {
        switch timeout {
        case .request where stream.isWritable:
            // It is the client that is slow: the origin's time begins again with what is written next.
            state.update { $0.timeout = .none }
        case .request:
            let limit = pool.settings.headersTimeout.wholeMilliseconds
            let text = "the origin took none of the request for headers_timeout (\(limit) ms)"
            fail(.timeout(ProxyError(.connectionWriteTimeout, detail: text)), .writeTimeout, now: now)
        case .head:
            let limit = pool.settings.headersTimeout.wholeMilliseconds
            let text = "no response head within headers_timeout (\(limit) ms)"
            fail(.timeout(ProxyError(.httpResponseTimeout, detail: text)), .headersTimeout, now: now)
        case .body:
            let limit = pool.settings.bodyIdleTimeout.wholeMilliseconds
            let text = "nothing more of the response within body_idle_timeout (\(limit) ms)"
            fail(.timeout(ProxyError(.connectionReadTimeout, detail: text)), .bodyTimeout, now: now)
        case .none: Invariant.broken("a deadline for nothing")
        }
    }
}
