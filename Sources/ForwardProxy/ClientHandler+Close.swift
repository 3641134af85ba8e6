import Metering
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// How a client's connection ends.
extension ClientHandler {
    enum CloseManner {
        /// What was written arrives: our FIN follows it, and a RST that would overtake it is avoided by reading for a while.
        case politely
        /// When the client has taken what was written. It has shut its own output, so that no RST can follow.
        case afterOutput
        /// Now. With a RST where a FIN would make what the client has look whole.
        case atOnce
        case reset
    }

    /// The one way in which this side ends the connection. Whatever still runs is given up.
    func close(_ reason: ClientCloseReason, _ manner: CloseManner, now: Instant) {
        guard !isClosing else { return }
        countClose(reason)
        takeBackStream(now: now)
        switch manner {
        case .atOnce: closeAtOnce(now: now)
        case .reset:
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.cutEndsWithFin) {
                    stream.close()
                    return ended()
                }
            #endif
            stream.reset()
            ended()
        case .afterOutput: closeAfterOutput(now: now)
        case .politely where stream.inputHasEnded: closeAfterOutput(now: now)
        case .politely: closePolitely(now: now)
        }
    }

    /// Called when the end is decided, which may be some time before the last byte is sent. Only the first reason counts.
    func countClose(_ reason: ClientCloseReason) {
        if !isClosing { loop.upstream.metrics.clientsClosed[reason] += 1 }
    }

    private func closePolitely(now: Instant) {
        state = .flushing(Self.lingering)
        endPins(now: now)
        loop.slots.markBusy(slot)
        pauses = []
        stream.resumeReading()
        stream.shutdownOutput()
        if stream.outputIsShut {
            beginLingering(Self.lingering, now: now)
        } else {
            setDeadline(now + loop.configuration.clientIdleTimeout)
        }
        abandonExchanges(now: now)
    }

    func closeAfterOutput(now: Instant) {
        state = .closingAfterOutput
        setDeadline(now + loop.configuration.clientIdleTimeout)
        if stream.closeAfterOutput() { ended() } else { abandonExchanges(now: now) }
    }

    func closeAtOnce(now: Instant) {
        if isCutShort { stream.reset() } else { stream.close() }
        ended()
    }

    /// Something is left unsent, or an answer that ends with the connection has more to come: a FIN would make it look whole.
    private var isCutShort: Bool { !isWritable || exchanges.first?.endsOnlyByClose ?? false }

    private func abandonExchanges(now: Instant) {
        for exchange in exchanges { exchange.abandon(now: now) }
    }

    /// The stream is closed.
    func ended() {
        switch state {
        case .closed: return
        case .head, .idle, .leaving, .serving, .body, .opening, .finishing, .tunnel, .flushing, .lingering,
            .closingAfterOutput:
            state = .closed
        }
        let now = loop.now
        let left = exchanges
        exchanges.removeAll()
        for exchange in left {
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
        tellUse(isLast: true)
        loop.timer.remove(timer)
        loop.remove(self)
    }

    /// This client sends no more requests, so the connections that belong to it alone are closed.
    private func endPins(now: Instant) {
        for pool in pinnedIn { pool.endPins(of: id, now: now) }
        pinnedIn.removeAll()
    }

    // MARK: Lingering

    func beginLingering(_ linger: LingeringClose, now: Instant) {
        var linger = linger
        linger.begin(now: now)
        keepLingering(linger, now: now)
    }

    private func keepLingering(_ linger: LingeringClose, now: Instant) {
        state = .lingering(linger)
        loop.slots.markLingering(slot, now: now)
        setDeadline(linger.deadline(silence: lastRoute?.pool.settings.closeLinger ?? loop.configuration.closeLinger))
    }

    /// What comes after the end was decided.
    func discard(_ count: Int, now: Instant) {
        switch state {
        case .flushing(var linger):
            linger.received(count, now: now)
            if linger.isExhausted { closeAtOnce(now: now) } else { state = .flushing(linger) }
        case .lingering(var linger):
            linger.received(count, now: now)
            if linger.isExhausted { closeAtOnce(now: now) } else { keepLingering(linger, now: now) }
        case .head, .idle, .leaving, .serving, .body, .opening, .finishing, .tunnel, .closingAfterOutput, .closed:
            Invariant.broken("a client's bytes are dropped before its end was decided")
        }
    }

    // MARK: Requests to end

    /// All that was asked for is answered, and nothing more will be.
    func closeAfterResponse(now: Instant) {
        let ordinary = isDraining ? ClientCloseReason.shutdown : .afterResponse
        switch state {
        case .finishing(let reason): close(reason == .afterResponse ? ordinary : reason, .politely, now: now)
        case .head, .idle, .leaving, .serving, .body, .opening, .tunnel: close(ordinary, .politely, now: now)
        case .flushing, .lingering, .closingAfterOutput, .closed: break
        }
    }

    /// Nothing new is begun, but a request that is on its way already is answered: it would be lost if our FIN crossed it.
    func drain(now: Instant) {
        switch state {
        case .head, .idle: idleIfDone(now: now)
        case .serving:
            // An answer whose head has yet to go out says that it is the last.
            if let last = exchanges.last, !last.responseHasBegun { state = .finishing(.shutdown) }
        case .leaving, .body, .opening, .finishing, .tunnel, .flushing, .lingering, .closingAfterOutput, .closed: break
        }
    }

    /// No connection will come in time: requests that wait for one are answered 503, in turn.
    func refuseWaiting(now: Instant) {
        while !isClosing, let exchange = exchanges.first, exchange.isWaiting {
            exchange.answerInstead(.stopping, now: now)
        }
    }

    /// A new client gets its slot.
    func evict(now: Instant) {
        if isClosing { closeAtOnce(now: now) } else { close(.displaced, .politely, now: now) }
    }

    func kill(now: Instant) {
        if isClosing { closeAtOnce(now: now) } else { close(.shutdown, .atOnce, now: now) }
    }
}
