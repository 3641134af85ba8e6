import Pooling
package import ProxyTypes
import Reactor
import Tuning

/// How a connection ends, and how its exchanges learn of it.
extension UpstreamConnection {
    /// A polite close reads no more than this of what the origin still sends.
    private static let maxLingerBytes = 64 * 1024

    /// The only way in which a connection ends. Leases are released; the exchanges that it was serving are left in
    /// `outstanding`, for the caller to tell them. `endTunnel` tells the exchange of a tunnel.
    func close(_ reason: CloseReason, _ manner: CloseManner) {
        switch state {
        case .idle(let since):
            recordEnd(reason)
            if reason == .originFinIdle || reason == .originRstIdle { pool.countPreventedRace(self, now: loop.now) }
            shut(reason, manner)
            // The pool ignores it where it ordered the close itself.
            pool.noteClosing(self, now: loop.now)
            tellIdleEnd(reason, since: since, now: loop.now)
        case .serving:
            recordEnd(reason)
            let leases = 1 + outstanding.count
            if let exchange { outstanding.insert(exchange, at: 0) }
            shut(reason, manner)
            for _ in 0..<leases { pool.release(self, .mustClose(reason), now: loop.now) }
        case .tunnel(let tunnel):
            if manner == .flush, !stream.closeAfterOutput() {
                state = .closing(.flushing(tunnel))
                return
            }
            recordEnd(reason)
            shut(reason, .abrupt)
        case .closing(.lingering):
            // The pool answers the first polite close by ordering another.
            guard manner == .abrupt else { return }
            shut(reason, .abrupt)
        case .closing(.flushing):
            guard manner == .abrupt else { return }
            recordEnd(reason)
            shut(reason, .abrupt)
        case .closed: return
        }
        if case .closed = state { pool.closed(self, now: loop.now) }
    }

    /// The stream's part of a close, and the next state.
    private func shut(_ reason: CloseReason, _ manner: CloseManner) {
        exchange = nil
        probe?.stop()
        probe = nil
        let duration = pool.settings.closeLinger
        guard manner == .polite || manner == .afterOrigin, duration > .zero else { return shutNow() }
        let end: OwnEnd =
            pool.sparesPorts ? .resetAtDeadline : manner == .afterOrigin ? .dueAtDeadline : .sent
        let idleFor = idleSince.map { loop.now - $0 } ?? .zero
        var linger = LingeringClose(maxDuration: duration, maxBytes: Self.maxLingerBytes)
        linger.begin(now: loop.now)
        let until: Instant
        switch end {
        case .sent:
            stream.shutdownOutput()
            until = linger.deadline(silence: duration)
        case .dueAtDeadline: until = loop.now + min(duration, Self.originEndsWithin)
        case .resetAtDeadline:
            if idleFor >= Self.originHasReadAfter, mayReset { return reset() }
            until = loop.now + min(duration, max(Self.originHasReadAfter - idleFor, .zero))
        }
        stream.resumeReading()
        state = .closing(.lingering(Lingering(reason: reason, until: until, linger: linger, end: end)))
        loop.timer.wake(timer, at: until)
    }

    private func shutNow() {
        // The origin's FIN came first, or the connection is gone: it leaves no TIME_WAIT here. Behind TLS an end may be
        // the close_notify alone.
        portIsFree = !stream.isOpen || tls == nil && stream.inputHasEnded && !stream.outputIsShut
        state = .closed
        stream.close()
        loop.timer.remove(timer)
        partial.clear(keeping: 0)
    }

    /// Ends it with a RST, after which neither side is in TIME_WAIT.
    private func reset() {
        stream.reset()
        shutNow()
        portIsFree = true
    }

    /// A RST drops what the origin has not read. Here there is nothing: the last response was whole, so the origin has read
    /// the head of its request, it has had time to read the rest (`originHasReadAfter`), and its kernel has acknowledged all
    /// of it. Nor may anything have come that was not read: the origin would be about to end the connection itself.
    private var mayReset: Bool { stream.isOpen && stream.isSilent && stream.isAcknowledged }

    /// How long after a response that says `Connection: close` its origin has time to send its FIN first.
    private static let originEndsWithin = Interval.milliseconds(250)
    /// An origin may answer before it has read all of a request. It has read it when it sent nothing for this long.
    private static let originHasReadAfter = Interval.seconds(1)

    /// Nothing has come within the time for it.
    func lingerEnded(_ lingering: Lingering) {
        switch lingering.end {
        case .sent: return close(lingering.reason, .abrupt)
        case .resetAtDeadline where mayReset:
            reset()
            return pool.closed(self, now: loop.now)
        case .resetAtDeadline, .dueAtDeadline: break
        }
        stream.shutdownOutput()
        let duration = pool.settings.closeLinger
        var linger = lingering.linger
        linger.begin(now: loop.now)
        let until = linger.deadline(silence: duration)
        state = .closing(.lingering(Lingering(reason: lingering.reason, until: until, linger: linger)))
        loop.timer.wake(timer, at: until)
    }

    func drop(_ count: Int, _ lingering: Lingering) {
        var lingering = lingering
        lingering.linger.received(count, now: loop.now)
        state = .closing(.lingering(lingering))
        if lingering.linger.isExhausted { close(lingering.reason, .abrupt) }
    }

    /// Why it is closing; nil while it is not.
    var closeReason: CloseReason? {
        switch state {
        case .closing(.lingering(let lingering)): lingering.reason
        case .closing(.flushing): .drained
        case .idle, .serving, .tunnel, .closed: nil
        }
    }

    // MARK: The pool's orders

    /// The pool has no more use for it. `abruptly`: its place is needed before this returns.
    func closeByPool(_ reason: CloseReason, abruptly: Bool) {
        switch state {
        case .idle: close(reason, abruptly ? .abrupt : reason.manner)
        // The pool's answer to the release of the last lease of one that is closing already.
        case .closing, .closed: break
        case .serving, .tunnel: Invariant.broken("the pool closes a connection that is in use")
        }
    }

    /// At once; no exchange is told.
    func kill() {
        close(.killed, .abrupt)
        outstanding.removeAll()
    }

    /// At once, by an operator's order; its exchanges fail.
    func closeByOrder(now: Instant) {
        switch state {
        case .serving:
            let text = "an operator closed the connection"
            fail(.response(ProxyError(.connectionTerminated, detail: text)), .killed, now: now)
        case .tunnel, .closing(.flushing): endTunnel(.killed, .abrupt)
        case .idle, .closing(.lingering), .closed: close(.killed, .abrupt)
        }
    }

    // MARK: Exchanges

    /// The exchange goes away before its response is whole: the connection cannot be used for another, since that response
    /// may still come.
    package func abandon(_ exchange: any UpstreamExchange, _ reason: CloseReason, now: Instant) {
        switch state {
        case .serving:
            guard exchange === self.exchange || outstanding.contains(where: { $0 === exchange }) else { return }
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.abandonedIsReused), outstanding.isEmpty {
                    self.exchange = nil
                    state = .idle(since: now)
                    return pool.release(self, .reusable(nil, window: .unknown), now: now)
                }
            #endif
            close(reason, reason.manner)
            outstanding.removeAll { $0 === exchange }
            let text = "the connection was given up by another request that was sent on it"
            failOutstanding(.beforeResponse(ProxyError(.connectionTerminated, detail: text), .closed), now: now)
        // It has yet to be told of the loss of the connection, or of the end of its response.
        case .closing, .closed, .idle: outstanding.removeAll { $0 === exchange }
        case .tunnel: if exchange === self.exchange { close(reason, .abrupt) }
        }
    }

    /// The response that is due is lost, and those behind it.
    func fail(_ failure: UpstreamFailure, _ reason: CloseReason, now: Instant) {
        guard case .serving = state, let exchange else {
            return Invariant.broken("a connection that serves nothing fails an exchange")
        }
        close(reason, reason.manner)
        if removeOutstanding(exchange) { exchange.failed(failure, now: now) }
        failPipelined(now: now)
    }

    /// False where the exchange was given up meanwhile.
    func removeOutstanding(_ exchange: any UpstreamExchange) -> Bool {
        guard outstanding.first === exchange else { return false }
        outstanding.removeFirst()
        return true
    }

    func failPipelined(now: Instant) {
        guard !outstanding.isEmpty else { return }
        let text = "the origin closed the connection before it answered a pipelined request"
        failOutstanding(.beforeResponse(ProxyError(.connectionTerminated, detail: text), .closed), now: now)
    }

    /// One after the other: each may take others out of the list.
    private func failOutstanding(_ failure: UpstreamFailure, now: Instant) {
        while !outstanding.isEmpty { outstanding.removeFirst().failed(failure, now: now) }
    }
}
