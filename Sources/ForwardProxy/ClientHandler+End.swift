import Metering
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// How a client's connection ends: drained, politely, when its output is out, or at once.
extension ClientHandler {
    /// Nothing new is begun, but a request that is on its way already is answered: it would be lost if our FIN crossed it.
    func drain() {
        switch phase {
        case .reading where exchanges.isEmpty: settle(now: loop.now)
        // An answer whose head has yet to go out says that it is the last.
        case .reading: takesRequests = takesRequests && exchanges.last?.responseHasBegun ?? true
        case .tunnel, .body, .closing, .closed: break
        }
    }

    func kill() {
        closeNow(.shutdown)
    }

    /// No connection will be there in time: who waits for one is told so, in turn.
    func refuseWaiting(now: Instant) {
        while phase == .reading || phase == .body, let exchange = exchanges.first, exchange.isWaiting {
            closeReason = .shutdown
            exchange.answerInstead(.stopping, now: now)
        }
    }

    func closeAfterResponse(now: Instant) {
        if closeReason == .clientClosed { closeReason = loop.isDraining ? .shutdown : .afterResponse }
        for exchange in exchanges { exchange.abandon(now: now) }
        closePolitely(now: now)
    }

    /// What was written arrives: our FIN goes first, and a RST that would overtake it is avoided by reading on for a while.
    func closePolitely(now: Instant) {
        guard phase != .closed, let stream else { return }
        if inputClosed { return endAfterOutput() }
        phase = .closing
        countClose()
        endPins(now: now)
        loop.places.busy(place)
        pauses = []
        stream.resumeReading()
        stream.shutdownOutput()
        if stream.outputIsShut {
            beginLingering(now: now)
        } else {
            setDeadline(now + loop.configuration.clientIdleTimeout)
        }
    }

    func beginLingering(now: Instant) {
        linger.begin(now: now)
        lingerOn(now: now)
    }

    private func lingerOn(now: Instant) {
        loop.places.lingers(place, now: now)
        setDeadline(linger.deadline(silence: lastPool?.settings.closeLinger ?? loop.configuration.closeLinger))
    }

    /// What comes after the end was decided.
    func discard(_ count: Int, now: Instant) {
        linger.received(count, now: now)
        if linger.isExhausted { return closeNow(closeReason) }
        if isLingering { lingerOn(now: now) }
    }

    /// A newcomer gets its place.
    func giveWay(now: Instant) {
        guard phase != .closing else { return closeNow(closeReason) }
        closeReason = .displaced
        closePolitely(now: now)
    }

    /// When the client has all that it is to get.
    func endAfterOutput() {
        guard phase != .closed, let stream else { return }
        phase = .closing
        countClose()
        setDeadline(loop.now + loop.configuration.clientIdleTimeout)
        if stream.closeAfterOutput() { finish() }
    }

    func closeNow(_ reason: ClientCloseReason) {
        guard phase != .closed else { return }
        closeReason = reason
        if isCutShort { stream?.reset() } else { stream?.close() }
        finish()
    }

    /// Something is left unsent, or an answer that ends with the connection has more to come: a FIN would make it look whole.
    private var isCutShort: Bool {
        !isWritable || exchanges.first?.endsOnlyByClose ?? false
    }

    func finish() {
        guard phase != .closed else { return }
        phase = .closed
        let now = loop.now
        let running = exchanges
        exchanges.removeAll()
        receiving = nil
        notStarted = nil
        for exchange in running {
            exchange.abandon(now: now)
            switch exchange.outcome {
            // It was logged when it was cut.
            case .cut: break
            case .answered, .tunnelClosed: log(exchange)
            case .abandoned, nil:
                exchange.record.aborted = true
                exchange.record.totalTime = now - exchange.record.start
                log(exchange)
            }
            loop.give(exchange)
        }
        endPins(now: now)
        loop.timer.remove(timer)
        countClose()
        loop.remove(self)
    }

    /// This client sends no more requests, so the connections that belong to it alone are closed.
    func endPins(now: Instant) {
        for pool in pinnedIn { pool.endPins(of: id, now: now) }
        pinnedIn.removeAll()
    }

    /// When the end is decided, which may be some time before the client's last byte.
    func countClose() {
        guard !isCounted else { return }
        isCounted = true
        loop.upstream.metrics.clientsClosed[closeReason] += 1
    }
}
