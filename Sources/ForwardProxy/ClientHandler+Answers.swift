import Metering
import ProxyTypes
import Upstream
import Reactor

/// What exchanges tell their client: answers go out in the order of their requests, and then it goes on or ends.
extension ClientHandler {
    func leaseGranted(_ exchange: Exchange, now: Instant) {
        if exchange === receiving { pauseForUpstream(exchange) }
    }

    func pinned(in pool: UpstreamPool) {
        if !pinnedIn.contains(where: { $0 === pool }) { pinnedIn.append(pool) }
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
        guard phase != .closed, phase != .closing else { return }
        while let front = exchanges.first, let outcome = front.outcome {
            if case .cut = outcome { return cut(front) }
            exchanges.removeFirst()
            log(front)
            // Its request was never read to the end, or the client was told that this is the last answer.
            let isLast = front.persistence != .keepAlive
            if front === receiving { receiving = nil }
            if front === notStarted { notStarted = nil }
            loop.give(front)
            if isLast { return closeAfterResponse(now: now) }
            exchanges.first?.becameFront(now: now)
        }
        goOn(now: now)
    }

    func goOn(now: Instant) {
        if let next = notStarted, exchanges.first === next {
            notStarted = nil
            next.start(now: now)
        }
        processUnread(now: now)
        settle(now: now)
    }

    func log(_ exchange: Exchange) {
        guard let log = loop.accessLog else { return }
        log.write(
            exchange.record, origin: exchange.pool?.origin, client: id, at: loop.wallClockMilliseconds())
    }

    /// Part of a response went out and the rest will not come: the client must not take it for the whole.
    func cut(_ exchange: Exchange) {
        log(exchange)
        closeReason = .responseCut
        for other in exchanges.dropFirst() { other.abandon(now: loop.now) }
        if exchange.persistence == .closeDelimited {
            stream?.reset()
            finish()
        } else {
            closePolitely(now: loop.now)
        }
    }
}
