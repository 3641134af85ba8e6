import HTTPWire
import Metering
import ProxyTypes
import Reactor
import Upstream

/// From bytes to exchanges: heads, bodies, who answers, and which request may start beside others.
extension ClientHandler {
    /// Works through what was read until more is needed or the next request has to wait. Returns how much was used.
    func process(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        isParsing = true
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let count: Int
            switch phase {
            case .body: count = receiveBody(rest, now: now)
            case .reading where mayTakeRequest: count = receiveHead(rest, now: now)
            case .reading: count = 0
            case .tunnel:
                exchanges.first?.tunnelFromClient(rest)
                count = rest.count
            case .closing, .closed: count = rest.count
            }
            used += count
            if count == 0 { break }
        }
        isParsing = false
        return used
    }

    /// Not while the client leaves its answers unread, nor while an answer may make something else of the connection.
    var mayTakeRequest: Bool {
        takesRequests && notStarted == nil && exchanges.count < ProxyConfiguration.maxPipelined && isWritable
            && exchanges.last?.takesOverConnection != true
    }

    func processUnread(now: Instant) {
        guard !isParsing, !unread.isEmpty else { return }
        let used = process(unread.bytes, now: now)
        unread.consume(used)
        boundUnread()
    }

    /// Nothing is under way: the connection waits for the next request, or ends if none will come.
    func settle(now: Instant) {
        guard exchanges.isEmpty, phase == .reading, !isParsing else { return }
        guard takesRequests, !inputClosed else { return closeAfterResponse(now: now) }
        if loop.isDraining {
            guard unread.isEmpty, !isLeaving else { return }
            isLeaving = true
            deadlineIsIdle = true
            return setDeadline(now + Self.leaveTime)
        }
        guard unread.isEmpty, !deadlineIsIdle, requestsSeen > 0 else { return }
        deadlineIsIdle = true
        loop.places.idle(place, now: now)
        setDeadline(now + loop.configuration.clientIdleTimeout)
    }

    func boundUnread() {
        if unread.isEmpty { unread.clear(keeping: 0) }
        // Of a body, only its end is kept, and bounded by its reader.
        setPause(.unreadFull, phase == .reading && unread.count >= loop.configuration.headLimits.maxHeadBytes)
    }

    /// 0 when the head is not complete.
    func receiveHead(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        do {
            let limits = loop.configuration.headLimits
            guard try parser.parse(bytes.bytes, limits: limits, into: &loop.requestHead) else {
                loop.places.busy(place)
                // A head that has begun must end in time, however its bytes trickle.
                if exchanges.isEmpty, deadlineIsIdle || deadline == .distantFuture {
                    deadlineIsIdle = false
                    setDeadline(now + loop.configuration.clientHeadTimeout)
                }
                return 0
            }
        } catch {
            closeReason = .badRequest
            refuse(ErrorResponse(error), now: now)
            return bytes.count
        }
        deadlineIsIdle = false
        loop.places.busy(place)
        requestsSeen += 1
        setDeadline(.distantFuture)
        let exchange = loop.takeExchange(for: self)
        let length = loop.requestHead.length
        route(exchange, bytes.bytes, now: now)
        exchanges.append(exchange)
        beginBody(of: exchange, bytes.bytes, now: now)
        var used = length
        // What of the body came with the head goes out with it.
        if phase == .body, used < bytes.count {
            used += receiveBody(UnsafeRawBufferPointer(rebasing: bytes[used...]), now: now)
        }
        // A malformed body has ended it already, and it may serve someone else by now.
        if exchanges.last === exchange, exchange.isPrepared { startIfItMay(exchange, now: now) }
        return used
    }

    func beginBody(of exchange: Exchange, _ bytes: RawSpan, now: Instant) {
        let framing = loop.requestHead.framing
        takesRequests = loop.requestHead.persistent && !loop.isDraining
        let namesOthers = framing == .chunked && loop.requestHead.connection.contains(.others)
        body = BodyReader(
            framing,
            trailers: TrailerRules(
                maxBytes: loop.configuration.headLimits.maxHeadBytes,
                nominated: namesOthers ? loop.requestHead.fields.nominated(bytes) : []))
        guard !body.isComplete else { return }
        phase = .body
        receiving = exchange
        setDeadline(now + loop.configuration.clientBodyTimeout)
        if loop.requestHead.expectsContinue {
            setPause(.expectation, true)
            expectationEnds = now + exchange.expectContinueTimeout
            wake(at: expectationEnds)
        }
    }

    /// Decides who answers: the origin, or connd itself.
    func route(_ exchange: Exchange, _ bytes: RawSpan, now: Instant) {
        switch RequestRouting.route(
            loop.requestHead, bytes, loop: loop, cached: lastPool, cachedAuthority: lastAuthority)
        {
        case .origin(let pool, let authority):
            if let authority {
                lastPool = pool
                lastAuthority = authority
                if loop.recentRoutes.find(loop.requestHead.authority, bytes) == nil {
                    loop.recentRoutes.note(authority, pool)
                }
            }
            exchange.prepare(loop.requestHead, bytes, pool: pool, now: now)
        case .localReply(let reply): exchange.prepare(loop.requestHead, reply, now: now)
        }
        if loop.accessLog != nil {
            exchange.describe(RequestRouting.describe(loop.requestHead, bytes))
        }
    }

    func startIfItMay(_ exchange: Exchange, now: Instant) {
        let isAlone = exchanges.count == 1
        guard isAlone || exchange.isSafeBesideOthers && exchanges.allSatisfy(\.isSafeBesideOthers) else {
            notStarted = exchange
            return
        }
        exchange.start(now: now)
    }

    /// Returns how much was used: all of it but for the end of a chunked body that is not complete, or what is behind it.
    func receiveBody(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        guard let exchange = receiving else { return bytes.count }
        let count: Int
        do {
            count = try body.consume(bytes.bytes)
        } catch {
            badBody(exchange, error, now: now)
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
        receiving = nil
        expectationEnds = .distantFuture
        setPause(.expectation, false)
        setPause(.upstreamFull, false)
        setDeadline(.distantFuture)
        guard phase == .body else { return count }
        if exchange.isTunnelling { becomeTunnel(exchange, now: now) } else { phase = .reading }
        return count
    }

    func pauseForUpstream(_ exchange: Exchange) {
        let isFull = !exchange.upstreamIsWritable || exchange.unsentBytes >= loop.configuration.maxBuffer / 2
        setPause(.upstreamFull, isFull)
    }

    func badBody(_ exchange: Exchange, _ error: WireError, now: Instant) {
        receiving = nil
        closeReason = .badRequest
        takesRequests = false
        if exchange.responseHasBegun {
            closeNow(.badRequest)
        } else {
            exchange.answerInstead(ErrorResponse(error), now: now)
        }
    }

    /// What came is no request: the answer goes out after those before it, and then the connection ends.
    func refuse(_ response: ErrorResponse, now: Instant) {
        takesRequests = false
        let exchange = loop.takeExchange(for: self)
        exchange.prepareRefusal(response, now: now)
        exchanges.append(exchange)
        exchange.start(now: now)
    }
}
