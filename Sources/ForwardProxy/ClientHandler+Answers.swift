import Metering
import ProxyTypes
import Reactor
import Upstream

/// What exchanges tell their client. Answers go out in the order of their requests; then the connection is used again or ends.
extension ClientHandler {
    func leaseGranted(_ exchange: Exchange, now: Instant) {
        if isReceiving(exchange) { pauseForUpstream(exchange) }
        // Usually it was granted at once, as the head was processed.
        guard !isProcessing else { return }
        startNext(now: now)
        processUnread(now: now)
    }

    func pinned(in pool: UpstreamPool) {
        if !pinnedIn.contains(where: { $0 === pool }) { pinnedIn.append(pool) }
    }

    /// The origin has begun to answer: a client that waits to be told to send its body is not kept waiting.
    func continueReceived(_ exchange: Exchange) {
        if isReceiving(exchange) { endExpectation(of: exchange) }
    }

    func upstreamDrained(_ exchange: Exchange) {
        if isTunnel || isReceiving(exchange) { setPause(.upstreamFull, false) }
    }

    func exchangeEnded(_ exchange: Exchange, now: Instant) {
        guard !isClosing else { return }
        while let front = exchanges.first, let outcome = front.outcome {
            switch outcome {
            case .cut: return cut(front, now: now)
            case .answered, .tunnelClosed, .abandoned: break
            }
            exchanges.removeFirst()
            log(front)
            let persistence = front.persistence
            loop.give(front)
            // Its request was not read to its end, or the client was told that this is the last answer.
            guard persistence == .keepAlive else { return closeAfterResponse(now: now) }
            exchanges.first?.becameFront(now: now)
        }
        resume(now: now)
    }

    private func resume(now: Instant) {
        startNext(now: now)
        processUnread(now: now)
        idleIfDone(now: now)
    }

    func log(_ exchange: Exchange) {
        guard let log = loop.accessLog else { return }
        log.write(
            exchange.record, origin: exchange.pool?.origin, client: id, at: loop.wallClock)
    }

    /// Part of a response went out and the rest will not come: the client must not take it for the whole.
    private func cut(_ exchange: Exchange, now: Instant) {
        log(exchange)
        close(.responseCut, exchange.persistence == .closeDelimited ? .reset : .politely, now: now)
    }
}
