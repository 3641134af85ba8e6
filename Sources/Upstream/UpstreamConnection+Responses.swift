import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Tuning

/// From bytes to responses: heads, bodies, where each ends, and what becomes of the connection then.
extension UpstreamConnection {
    /// Heads and bodies. What cannot be worked on until more of it has come is kept in `partial`.
    func receive(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        guard partial.isEmpty else { return resume(with: bytes, now: now) }
        let used = work(on: bytes, now: now)
        if used < bytes.count { partial.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
    }

    /// The bytes are taken out of `partial` while they are worked on: the next response may leave its own beginning there.
    private func resume(with bytes: UnsafeRawBufferPointer, now: Instant) {
        partial.append(bytes)
        var store = ByteQueue()
        swap(&store, &partial)
        let used = work(on: store.bytes, now: now)
        guard used < store.count else { return }
        store.consume(used)
        swap(&store, &partial)
    }

    /// How much was used: all of it but for what is to be given again, with more behind it.
    private func work(on bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        if phase == .body { return receiveBody(bytes, now: now) }
        responseStarted = true
        return workThroughHeads(bytes, now: now)
    }

    /// Interim heads and then the final one, whose body goes on from there. Returns what was used.
    func workThroughHeads(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        var start = 0
        while start < bytes.count, phase == .awaitingHead, let exchange {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            do {
                let isComplete = try parser.parse(
                    rest.bytes, requestMethod: exchange.method, limits: loop.headLimits, into: &loop.responseHead)
                guard isComplete else { return start }
            } catch {
                malformed(error, now: now)
                return bytes.count
            }
            let length = loop.responseHead.length
            if loop.responseHead.status == 101 {
                receiveUpgrade(rest, now: now)
                return bytes.count
            }
            guard loop.responseHead.isInformational else {
                receiveFinalHead(exchange, rest, now: now)
                // An exchange may give up while it is told of the head.
                guard phase == .body else { return bytes.count }
                return start + length + receiveBody(UnsafeRawBufferPointer(rebasing: rest[length...]), now: now)
            }
            interimResponses += 1
            guard interimResponses <= Self.maxInterimResponses else {
                let text = "the origin sent more than \(Self.maxInterimResponses) interim responses"
                fail(.response(ProxyError(.httpProtocolError, detail: text)), .framingError, now: now)
                return bytes.count
            }
            exchange.informationalHead(loop.responseHead, rest)
            setDeadline(after: pool.settings.headersTimeout, now: now)
            start += length
        }
        return phase == .awaitingHead ? start : bytes.count
    }

    func receiveFinalHead(_ exchange: any UpstreamExchange, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        persistent = loop.responseHead.persistent
        if loop.responseHead.keepAliveTimeout != nil || loop.responseHead.keepAliveMax != nil {
            hint = KeepAliveHint(
                timeout: loop.responseHead.keepAliveTimeout.map { .seconds(Int64($0)) },
                max: loop.responseHead.keepAliveMax)
        }
        let isChunked = loop.responseHead.framing == .chunked
        let namesOthers = isChunked && loop.responseHead.connection.contains(.others)
        body = BodyReader(
            loop.responseHead.framing,
            trailers: TrailerRules(
                maxBytes: loop.headLimits.maxHeadBytes, forbidden: .dropped,
                nominated: namesOthers ? loop.responseHead.fields.nominated(bytes.bytes) : []))
        decodes = exchange.wantsContentOnly && isChunked
        phase = .body
        deadline = .distantFuture
        exchange.responseHead(loop.responseHead, bytes, now: now)
    }

    /// The origin may switch before it has the whole request. Its bytes are another protocol's from here on; the
    /// client's are so behind its content (RFC 9110 7.8), to which the exchange holds it.
    func receiveUpgrade(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        guard let exchange, exchange.asksUpgrade else {
            return fail(
                .response(
                    ProxyError(.httpProtocolError, detail: "the origin switched protocols without being asked to")),
                .framingError, now: now)
        }
        phase = .tunnel
        becameTunnel(at: now)
        deadline = .distantFuture
        exchange.upgraded(loop.responseHead, bytes, now: now)
    }

    /// Returns what was used.
    func receiveBody(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        var used = 0
        if !body.isComplete, !bytes.isEmpty {
            do {
                used = try decodes ? passContent(bytes) : passFramed(bytes)
            } catch {
                malformed(error, now: now)
                return bytes.count
            }
        }
        // The exchange may have given the connection up while it was handed the bytes.
        guard phase == .body else { return bytes.count }
        if body.isComplete {
            finish(leftover: UnsafeRawBufferPointer(rebasing: bytes[used...]), now: now)
            return bytes.count
        }
        exchange?.responseReadComplete()
        guard phase == .body else { return bytes.count }
        if !readingPaused { setDeadline(after: pool.settings.bodyIdleTimeout, now: now) }
        return used
    }

    func passFramed(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        let count = try body.consume(bytes.bytes)
        guard body.droppedTrailers == 0 else {
            passKept(bytes, taken: count)
            return count
        }
        if count > 0 { exchange?.responseBody(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
        return count
    }

    /// The end of a body with trailers that the client must not get.
    private func passKept(_ bytes: UnsafeRawBufferPointer, taken: Int) {
        loop.metrics.trailersDropped += body.droppedTrailers
        loop.contentRanges.removeAll(keepingCapacity: true)
        body.appendKept(bytes.bytes, taken: taken, to: &loop.contentRanges)
        for range in loop.contentRanges { exchange?.responseBody(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }

    func passContent(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        loop.contentRanges.removeAll(keepingCapacity: true)
        let count = try body.decode(bytes.bytes, content: &loop.contentRanges)
        for range in loop.contentRanges { exchange?.responseBody(UnsafeRawBufferPointer(rebasing: bytes[range])) }
        return count
    }

    /// The response is whole. The pool decides before the exchange is told, so that a client's next request finds it idle.
    func finish(leftover: UnsafeRawBufferPointer, now: Instant) {
        guard let exchange else { return }
        self.exchange = nil
        phase = .idle
        idleSince = now
        deadline = .distantFuture
        // A slow reader's pause ends with its exchange: an idle connection is watched.
        setReading(true, now: now)
        stream.readLimit = .max
        let disposition: Disposition
        if !requestComplete {
            disposition = .mustClose(.earlyResponse)
        } else if !leftover.isEmpty, pipelined.isEmpty {
            disposition = .mustClose(.unsolicitedBytes)
        } else if !persistent {
            disposition = .mustClose(.originConnectionClose)
        } else if stream.hangupSeen {
            // Its FIN came with the response.
            disposition = .mustClose(.originFinIdle)
        } else {
            let wantsWindow = pool.settings.reuseOrder == .widest
            disposition = .reusable(hint, window: wantsWindow ? stream.congestionWindow : 0)
        }
        guard pipelined.isEmpty else {
            return goOnPipelined(after: exchange, disposition, leftover, now: now)
        }
        pool.release(self, disposition, now: now)
        exchange.responseEnded(now: now)
    }

    /// The next response is already due on this connection, unless the last one ends it.
    func goOnPipelined(
        after exchange: any UpstreamExchange, _ disposition: Disposition, _ leftover: UnsafeRawBufferPointer,
        now: Instant
    ) {
        if case .mustClose(let reason) = disposition {
            phase = .awaitingHead
            untold = pipelined
            giveUp(reason, now: now)
            exchange.responseEnded(now: now)
            return failPipelined(now: now)
        }
        let next = pipelined.removeFirst()
        begin(next)
        setDeadline(after: pool.settings.headersTimeout, now: now)
        next.responseIsNext(now: now)
        pool.release(self, disposition, now: now)
        exchange.responseEnded(now: now)
        if phase == .awaitingHead, !leftover.isEmpty { receive(leftover, now: now) }
    }

    func failPipelined(now: Instant) {
        guard !untold.isEmpty else { return }
        let text = "the origin closed the connection before it answered a pipelined request"
        let error = ProxyError(.connectionTerminated, detail: text)
        tell(.beforeResponse(error, reset: false), now: now)
    }

    /// One after the other: any of them may take others out of the list.
    func tell(_ failure: UpstreamFailure, now: Instant) {
        while !untold.isEmpty { untold.removeFirst().failed(failure, now: now) }
    }

    func malformed(_ error: WireError, now: Instant) {
        let text = "the origin's response is malformed: \(error.message)"
        fail(.response(ProxyError(.httpProtocolError, detail: text)), .framingError, now: now)
    }

    /// FIN or RST while a response is due.
    func endOfInput(reset: Bool, now: Instant) {
        guard let exchange else { return }
        if phase == .body, !reset, body.end() {
            self.exchange = nil
            untold = pipelined
            giveUp(.responseUntilClose, now: now)
            exchange.responseEnded(now: now)
            return failPipelined(now: now)
        }
        let failure: UpstreamFailure
        if phase == .awaitingHead, !responseStarted {
            pool.lostWithoutNotice(self, now: now)
            let text =
                reset
                ? "the origin reset the connection before it answered"
                : "the origin closed the connection before it answered"
            failure = .beforeResponse(
                ProxyError(.connectionTerminated, detail: text), reset: reset)
        } else {
            let text = "the origin closed the connection in the middle of its response"
            failure = .response(ProxyError(.httpResponseIncomplete, detail: text))
        }
        fail(failure, .originClosedMidResponse, now: now)
    }

    func fail(_ failure: UpstreamFailure, _ reason: CloseReason, now: Instant) {
        let exchange = exchange
        untold = pipelined
        self.exchange = nil
        giveUp(reason, now: now)
        exchange?.failed(failure, now: now)
        failPipelined(now: now)
    }

    func giveUp(_ reason: CloseReason, now: Instant) {
        let wasTunnel = phase == .tunnel
        phase = .idle
        deadline = .distantFuture
        closeReason = reason
        if wasTunnel, id == nil {
            return beginClose(reason, abruptly: true)
        }
        // Each lease ends on its own; the last one lets the pool order the close.
        let leases = 1 + pipelined.count
        pipelined.removeAll()
        for _ in 0..<leases { pool.release(self, .mustClose(reason), now: now) }
    }
}
