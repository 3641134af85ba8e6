import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Tuning

/// From bytes to responses: heads, bodies, where each ends, and what becomes of the connection then.
extension UpstreamConnection {
    private static let maxInterimResponses = 100
    /// The kernel is asked about a connection at every so many responses, a power of two: that is less than 1 % of what they
    /// cost.
    private static let responsesPerSample = 64

    // MARK: Bytes

    /// Heads and bodies. What cannot be parsed until more of it has come is kept in `partial`.
    func receive(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        guard partial.isEmpty else { return receiveBehindPartial(bytes, now: now) }
        let used = parse(bytes, now: now)
        if used < bytes.count { partial.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
    }

    /// The bytes are taken out of `partial` while they are parsed: the next response may leave its own beginning there.
    private func receiveBehindPartial(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        partial.append(bytes)
        var queue = ByteQueue()
        swap(&queue, &partial)
        let used = parse(queue.bytes, now: now)
        guard used < queue.count else { return }
        queue.consume(used)
        swap(&queue, &partial)
    }

    /// Returns how much was used. The rest is to be given again, with what comes behind it.
    @inline(__always)
    private func parse(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        guard case .serving(let serving) = state, let exchange else { return bytes.count }
        switch serving.response {
        case .none: return parseHeads(bytes, of: exchange, interim: 0, now: now)
        case .head(let interim): return parseHeads(bytes, of: exchange, interim: interim, now: now)
        case .body(let delivery, _): return receiveBody(bytes, delivery, of: exchange, now: now)
        }
    }

    // MARK: Heads

    /// Interim heads and then the final one, whose body follows. Returns what was used. `interim` heads came before.
    private func parseHeads(
        _ bytes: UnsafeRawBufferPointer, of exchange: any UpstreamExchange, interim: Int, now: Instant
    ) -> Int {
        var start = 0
        var interim = interim
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            do {
                let isComplete = try headParser.parse(
                    rest.bytes, requestMethod: exchange.method, limits: loop.headLimits, into: &loop.responseHead)
                guard isComplete else {
                    state.update { $0.response = .head(interim: interim) }
                    return start
                }
            } catch {
                malformed(error, now: now)
                return bytes.count
            }
            if loop.responseHead.status == 101 {
                receiveUpgrade(rest, of: exchange, now: now)
                return bytes.count
            }
            let length = loop.responseHead.length
            guard loop.responseHead.isInformational else {
                let body = UnsafeRawBufferPointer(rebasing: rest[length...])
                return start + length + receiveFinalHead(rest, body: body, of: exchange, now: now)
            }
            interim += 1
            guard interim <= Self.maxInterimResponses else {
                let text = "the origin sent more than \(Self.maxInterimResponses) interim responses"
                fail(.response(ProxyError(.httpProtocolError, detail: text)), .framingError, now: now)
                return bytes.count
            }
            state.update { $0.response = .head(interim: interim) }
            exchange.informationalHead(loop.responseHead, rest)
            guard isServing else { return bytes.count }
            restartTimeout(now: now)
            start += length
        }
        return start
    }

    /// Returns what was used of `body`, which is what came behind the head.
    private func receiveFinalHead(
        _ bytes: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, of exchange: any UpstreamExchange, now: Instant
    ) -> Int {
        let isChunked = loop.responseHead.framing.isChunked
        let namesTrailers = isChunked && loop.responseHead.connection.contains(.others)
        bodyReader = BodyReader(
            loop.responseHead.framing,
            trailers: TrailerRules(
                maxBytes: loop.headLimits.maxHeadBytes, forbidden: .dropped,
                nominated: namesTrailers ? loop.responseHead.fields.nominated(bytes.bytes) : []))
        let delivery: Serving.Delivery = isChunked && exchange.wantsContentOnly ? .contentOnly : .asFramed
        let persistence: Serving.Persistence = loop.responseHead.persistent ? .keepAlive : .close
        keepAliveHint = loop.responseHead.keepAliveHint
        state.update {
            $0.response = .body(delivery, persistence)
            $0.timeout = .none
        }
        exchange.responseHead(loop.responseHead, bytes, now: now)
        // The exchange may have given the connection up.
        guard isServing else { return body.count }
        return receiveBody(body, delivery, of: exchange, now: now)
    }

    /// The origin may switch before it has the whole request. Its bytes are another protocol's from here on, the client's
    /// only behind the request's content (RFC 9110 7.8), which is up to the exchange.
    private func receiveUpgrade(_ bytes: UnsafeRawBufferPointer, of exchange: any UpstreamExchange, now: Instant) {
        guard exchange.asksUpgrade else {
            let text = "the origin switched protocols without being asked to"
            return fail(.response(ProxyError(.httpProtocolError, detail: text)), .framingError, now: now)
        }
        Invariant.check(outstanding.isEmpty, "a request was pipelined behind an upgrade")
        beginTunnel(for: exchange, since: now)
        exchange.upgraded(loop.responseHead, bytes, now: now)
    }

    // MARK: Bodies

    private var isServing: Bool {
        switch state {
        case .serving: true
        case .idle, .tunnel, .closing, .closed: false
        }
    }

    /// Returns what was used.
    private func receiveBody(
        _ bytes: UnsafeRawBufferPointer, _ delivery: Serving.Delivery, of exchange: any UpstreamExchange, now: Instant
    ) -> Int {
        var used = 0
        if !bodyReader.isComplete, !bytes.isEmpty {
            do {
                switch delivery {
                case .asFramed: used = try passFramed(bytes, to: exchange)
                case .contentOnly: used = try passContent(bytes, to: exchange)
                }
            } catch {
                malformed(error, now: now)
                return bytes.count
            }
        }
        // The exchange may have given the connection up while it was handed the bytes.
        guard isServing else { return bytes.count }
        if bodyReader.isComplete {
            finish(exchange, leftover: UnsafeRawBufferPointer(rebasing: bytes[used...]), now: now)
            return bytes.count
        }
        noteArrival(bytes.count, now: now)
        exchange.responseReadComplete()
        guard isServing else { return bytes.count }
        restartTimeout(now: now)
        return used
    }

    private func passFramed(
        _ bytes: UnsafeRawBufferPointer, to exchange: any UpstreamExchange
    ) throws(WireError) -> Int {
        let count = try bodyReader.consume(bytes.bytes)
        guard bodyReader.droppedTrailers == 0 else {
            passWithoutDroppedTrailers(bytes, taken: count, to: exchange)
            return count
        }
        if count > 0 { exchange.responseBody(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
        return count
    }

    /// The end of a body with trailers that the client must not get.
    private func passWithoutDroppedTrailers(
        _ bytes: UnsafeRawBufferPointer, taken: Int, to exchange: any UpstreamExchange
    ) {
        loop.metrics.trailersDropped += bodyReader.droppedTrailers
        loop.contentRanges.removeAll(keepingCapacity: true)
        bodyReader.appendKept(bytes.bytes, taken: taken, to: &loop.contentRanges)
        for range in loop.contentRanges { exchange.responseBody(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }

    private func passContent(
        _ bytes: UnsafeRawBufferPointer, to exchange: any UpstreamExchange
    ) throws(WireError) -> Int {
        loop.contentRanges.removeAll(keepingCapacity: true)
        let count = try bodyReader.decode(bytes.bytes, content: &loop.contentRanges)
        for range in loop.contentRanges { exchange.responseBody(UnsafeRawBufferPointer(rebasing: bytes[range])) }
        return count
    }

    // MARK: The end of a response

    /// The response is whole. The pool decides before the exchange is told, so that a client's next request finds the
    /// connection idle.
    private func finish(_ exchange: any UpstreamExchange, leftover: UnsafeRawBufferPointer, now: Instant) {
        guard case .serving(let serving) = state else { return }
        // A slow reader's pace ends with its exchange: an idle connection is watched.
        stream.readLimit = .max
        if serving.reading == .paused { stream.resumeReading() }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.pauseOutlivesExchange) { if serving.reading == .paused { stream.pauseReading() } }
        #endif
        let disposition = disposition(after: serving, leftover: leftover.count)
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.leftoverServedToNext) { if outstanding.isEmpty { partial.append(leftover) } }
        #endif
        guard outstanding.isEmpty else {
            return finishPipelined(exchange, disposition, leftover, now: now)
        }
        self.exchange = nil
        state = .idle(since: now)
        pool.release(self, disposition, now: now)
        if watch.unproven > .zero { tellReused(now: now) }
        if case .reusable = disposition { tellHint(keepAliveHint?.timeout ?? .zero, now: now) }
        exchange.responseEnded(on: self, now: now)
    }

    @inline(__always)
    private func disposition(after serving: Serving, leftover: Int) -> Disposition {
        guard serving.request == .complete else { return .mustClose(.earlyResponse) }
        #if CONND_PLANTED_FAULTS
            let leftover = PlantedFault.isActive(.leftoverServedToNext) ? 0 : leftover
        #endif
        guard leftover == 0 || !outstanding.isEmpty else { return .mustClose(.unsolicitedBytes) }
        guard case .body(_, .keepAlive) = serving.response else {
            return .mustClose(.originConnectionClose)
        }
        // Its FIN came with the response.
        guard !stream.hangupSeen else { return .mustClose(.originFinIdle) }
        if requestsServed & (Self.responsesPerSample - 1) == 0 { sampleTCP() }
        let wantsWindow = if case .widest = pool.settings.reuseOrder { true } else { false }
        watch.lag = loop.now - watch.asked
        return .reusable(keepAliveHint, window: wantsWindow ? sendWindow() : .unknown, lag: watch.lag)
    }

    /// The next response is already due on this connection, unless the last one ends it.
    private func finishPipelined(
        _ exchange: any UpstreamExchange, _ disposition: Disposition, _ leftover: UnsafeRawBufferPointer, now: Instant
    ) {
        let next = outstanding.removeFirst()
        // Only whole requests are pipelined.
        self.exchange = next
        state = .serving(Serving(request: .complete))
        pool.release(self, disposition, now: now)
        switch disposition {
        // Other responses may stand before the origin's end, and that end may be an alert, which is not the keep-alive race.
        case .mustClose(.originFinIdle): continuePipelined(exchange, next, leftover, now: now)
        case .mustClose(let reason):
            close(reason, reason.manner)
            exchange.responseEnded(on: self, now: now)
            failPipelined(now: now)
        case .reusable, .unused: continuePipelined(exchange, next, leftover, now: now)
        }
    }

    private func continuePipelined(
        _ ended: any UpstreamExchange, _ next: any UpstreamExchange, _ leftover: UnsafeRawBufferPointer, now: Instant
    ) {
        restartTimeout(now: now)
        next.responseIsNext(now: now)
        ended.responseEnded(on: self, now: now)
        if isServing, !leftover.isEmpty { receive(leftover, now: now) }
    }

    // MARK: What goes wrong

    private func malformed(_ error: WireError, now: Instant) {
        let text = "the origin's response is malformed: \(error.message)"
        fail(.response(ProxyError(.httpProtocolError, detail: text)), .framingError, now: now)
    }

    enum InputEnd {
        case fin, reset
        /// What was sent was never acknowledged.
        case silence
    }

    /// The connection ends while a response is due.
    func inputEnded(_ end: InputEnd, of serving: Serving, now: Instant) {
        #if CONND_PLANTED_FAULTS
            let end = PlantedFault.isActive(.resetEndsBody) ? .fin : end
        #endif
        guard let exchange else { return }
        switch (serving.response, end) {
        #if CONND_PLANTED_FAULTS
            case (.body, .fin) where PlantedFault.isActive(.unprovenEndBelieved) && bodyReader.end():
                close(.responseUntilClose, .abrupt)
                if removeOutstanding(exchange) { exchange.responseEnded(on: self, now: now) }
        #endif
        case (.body, .fin) where !stream.inputEndIsUnproven && bodyReader.end():
            close(.responseUntilClose, .abrupt)
            if removeOutstanding(exchange) { exchange.responseEnded(on: self, now: now) }
            failPipelined(now: now)
        case (.none, _): lostBeforeResponse(end, now: now)
        case (.head, _), (.body, _):
            let text =
                stream.inputEndIsUnproven
                ? "the origin closed the connection without TLS's close_notify, so its response may have been cut"
                : "the origin closed the connection in the middle of its response"
            let error = ProxyError(.httpResponseIncomplete, detail: text)
            fail(.response(error), .originClosedMidResponse, now: now)
        }
    }
}

extension UpstreamConnection {
    private func lostBeforeResponse(_ end: InputEnd, now: Instant) {
        let probe = probe
        tellReuseLost(end, now: now)
        if end == .silence { lostInSilence(probe, now: now) }
        pool.lostWithoutNotice(self, now: now)
        // Requests that the pool refuses now may end their client, and with it this exchange.
        guard isServing else { return }
        let (loss, text, reason): (UpstreamLoss, String, CloseReason) =
            switch end {
            case .fin: (.closed, "the origin closed the connection before it answered", .originClosedMidResponse)
            case .reset: (.reset, "the origin reset the connection before it answered", .originClosedMidResponse)
            case .silence: (.silence, silenceText(probe), .pathBlackHole)
            }
        fail(.beforeResponse(ProxyError(.connectionTerminated, detail: text), loss), reason, now: now)
    }

    private func silenceText(_ probe: IdleProbe?) -> String {
        guard let probe else { return "what was sent on the connection was never acknowledged" }
        return "the connection had been idle for \(probe.silence.wholeSeconds) s, and nothing that was sent on it was"
            + " acknowledged within tcp_idle_probe (\(probe.limit.wholeMilliseconds) ms)"
    }
}

extension ResponseHead {
    fileprivate var keepAliveHint: KeepAliveHint? {
        guard keepAliveTimeout != nil || keepAliveMax != nil else { return nil }
        return KeepAliveHint(timeout: keepAliveTimeout.map { .seconds(Int64($0)) }, max: keepAliveMax)
    }
}
