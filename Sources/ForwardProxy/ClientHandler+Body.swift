import HTTPWire
import Metering
import ProxyTypes
import Reactor
import Upstream

/// Reads a request's body and passes it to its exchange.
extension ClientHandler {
    /// The head is complete.
    func beginBody(of exchange: Exchange, _ bytes: RawSpan, now: Instant) {
        let framing = loop.requestHead.framing
        let namesOthers = framing.isChunked && loop.requestHead.connection.contains(.others)
        body = BodyReader(
            framing,
            trailers: TrailerRules(
                maxBytes: loop.configuration.headLimits.maxHeadBytes,
                nominated: namesOthers ? loop.requestHead.fields.nominated(bytes) : []))
        guard !body.isComplete else { return requestComplete(exchange) }
        let continueBy = loop.requestHead.expectsContinue ? now + exchange.expectContinueTimeout : nil
        state = .body(exchange, continueBy: continueBy)
        setDeadline(now + loop.configuration.clientBodyTimeout)
        if let continueBy {
            setPause(.expectation, true)
            loop.timer.wake(timer, at: continueBy)
        }
    }

    /// The whole request is read.
    private func requestComplete(_ exchange: Exchange) {
        setOutputDeadline()
        // One that was answered before it had all been read is the last as well.
        state =
            exchange.traits.persists && !isDraining && !exchange.hasEnded ? .serving : .finishing(.afterResponse)
    }

    /// Returns how much was used: all of it but for the end of a chunked body that is not complete, or what is behind it.
    func receiveBody(of exchange: Exchange, _ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        let count: Int
        do {
            count = try body.consume(bytes.bytes)
        } catch {
            giveUpBody(of: exchange, ErrorResponse(error), .badRequest, now: now)
            return bytes.count
        }
        let isLast = body.isComplete
        if !isLast { setDeadline(now + loop.configuration.clientBodyTimeout) }
        guard count > 0 else { return 0 }
        exchange.record.bytesFromClient += count
        exchange.requestBody(UnsafeRawBufferPointer(rebasing: bytes[..<count]), isLast: isLast, now: now)
        guard isLast else {
            pauseForUpstream(exchange)
            return count
        }
        endExpectation(of: exchange)
        setPause(.upstreamFull, false)
        if exchange.isTunnelling { becomeTunnel(exchange, now: now) } else { requestComplete(exchange) }
        return count
    }

    func pauseForUpstream(_ exchange: Exchange) {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.bodyNotPaused) { return }
        #endif
        let isFull = !exchange.upstreamIsWritable || exchange.unsentBytes >= loop.configuration.maxBuffer / 2
        setPause(.upstreamFull, isFull)
    }

    /// The client may send its body.
    func endExpectation(of exchange: Exchange) {
        state = .body(exchange, continueBy: nil)
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.expectationNotLifted) { return }
        #endif
        setPause(.expectation, false)
    }

    /// The rest of the body does not come, or cannot be read: the request is answered if that is still possible.
    func giveUpBody(of exchange: Exchange, _ response: ErrorResponse, _ reason: ClientCloseReason, now: Instant) {
        guard !exchange.responseHasBegun else { return close(reason, .atOnce, now: now) }
        endExpectation(of: exchange)
        setPause(.upstreamFull, false)
        state = .finishing(reason)
        setOutputDeadline()
        exchange.answerInstead(response, now: now)
    }
}
