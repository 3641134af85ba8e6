import HTTPWire
import Metering
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// What the pool and the connection tell an exchange: leases, the response, failures and whether they are met with a retry.
extension Exchange: UpstreamExchange {
    // MARK: Leases

    func leaseGranted(_ connection: UpstreamConnection, reused: Bool, now: Instant) {
        waiter = nil
        self.connection = connection
        attempts += 1
        recordGrant(connection, reused: reused, now: now)
        guard !isTunnel else {
            phase = .tunnelling
            return client.tunnelOpened(self, now: now)
        }
        phase = .sending
        if bindsConnection {
            answersChallenge = connection.isLoggingIn
            pin(connection, isLoggingIn: false)
        }
        if body.isEmpty {
            connection.write(requestHead.bytes)
        } else {
            connection.write(requestHead.bytes, body.bytes)
            if !method.isIdempotent || body.count > (pool?.settings.replayBuffer ?? 0) {
                bodyIsKept = false
                body.clear(keeping: 0)
            }
        }
        if requestBodyComplete { connection.requestEnded(now: now) } else { connection.requestProgressed(now: now) }
        responseIsNext(now: now)
        client.leaseGranted(self, now: now)
    }

    /// A response that waits for its turn with the client is read in small parts, and little of it is held.
    func responseIsNext(now: Instant) {
        guard let connection else { return }
        let isFront = client.isFront(self)
        connection.limitReads(to: isFront ? nil : ProxyConfiguration.coalesced, for: self)
        connection.setReading(client.isWritable || !isFront, for: self, now: now)
    }

    /// Requests of other clients on this connection would act as this client.
    private func pin(_ connection: UpstreamConnection, isLoggingIn: Bool) {
        guard let pool else { return }
        connection.pin(to: client.id, isLoggingIn: isLoggingIn)
        client.pinned(in: pool)
    }

    func leaseRefused(_ error: ProxyError, now: Instant) {
        waiter = nil
        record.queueTime = now - record.leaseRequested
        recordQueueTime()
        if retriedFor != nil { countRetry(.failed) }
        answer(ErrorResponse(error), now: now)
    }

    // MARK: The response

    func informationalHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer) {
        client.continueReceived(self)
        guard clientVersion == .http11 else { return }
        gather(head, bytes, ResponseShape(clientVersion: .http11, persists: true))
        deliverGathered()
    }

    func responseHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        responseHeadSeen = true
        record.status = head.status
        record.firstByte = now
        recordFirstByte(now: now)
        answerBegan()
        if let connection, head.bindsConnection || !client.pinnedIn.isEmpty && connection.isPinned {
            pin(connection, isLoggingIn: bindsConnection && head.status == 401)
        }
        let dechunks = wantsContentOnly && head.framing == .chunked
        endsByClose = dechunks || head.framing == .untilClose
        responsePersists = requestPersists && requestBodyComplete && !endsByClose && !isLastWhileDraining
        var shape = ResponseShape(clientVersion: clientVersion, persists: responsePersists)
        shape.dechunk = dechunks
        shape.keepAliveTimeout = Int(loop.configuration.clientIdleTimeout.wholeSeconds)
        shape.keepAliveMax = ProxyConfiguration.keepAliveMax
        gather(head, bytes, shape)
        client.continueReceived(self)
    }

    /// There will be no retry.
    private func answerBegan() {
        if retriedFor != nil {
            countRetry(.succeeded)
            retriedFor = nil
        }
        body.clear(keeping: 0)
        bodyIsKept = false
    }

    /// Into the loop's scratch: it goes out before the call from the connection that brought it returns.
    func gather(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, _ shape: ResponseShape) {
        let name = loop.via(head.version)
        let via = name.span.bytes
        let upstream = loop.upstream
        upstream.scratch.clear(keeping: Self.keptScratch)
        let room = upstream.scratch.room(for: HeadWriter.responseSize(head, viaLength: via.byteCount))
        upstream.scratch.commit(HeadWriter.writeResponse(head, bytes.bytes, via: via, to: shape, into: room))
        hasGathered = true
    }

    func responseBody(_ bytes: UnsafeRawBufferPointer) {
        record.bytesToClient += bytes.count
        guard hasGathered else { return deliver(bytes) }
        if bytes.count <= ProxyConfiguration.coalesced {
            loop.upstream.scratch.append(bytes)
        } else {
            hasGathered = false
            deliver(loop.upstream.scratch.bytes, bytes)
        }
    }

    func responseReadComplete() {
        deliverGathered()
    }

    func responseEnded(now: Instant) {
        // The connection may serve another by now: a slow reader here must not pause it.
        connection = nil
        deliverGathered()
        phase = .ended
        isEnded = true
        recordEnd(OutcomeClass(status: record.status), now: now)
        client.exchangeEnded(self, now: now)
    }

    func failed(_ failure: UpstreamFailure, now: Instant) {
        guard phase == .sending else { return Invariant.broken("an exchange that sends nothing has failed") }
        let sent = connection.map { $0.bytesSent > 0 } ?? false
        let reused = connection?.mayBeStale ?? false
        connection = nil
        guard !responseHeadSeen || hasGathered else {
            // Some of it went to the client: it must see that the rest is missing.
            phase = .ended
            isCut = true
            isEnded = true
            record.error = failure.error.kind
            record.errorDetail = failure.error.detail
            loop.upstream.metrics.responsesCut += 1
            loop.upstream.metrics.errors[failure.error.kind] += 1
            recordEnd(.cut, now: now)
            return client.exchangeEnded(self, now: now)
        }
        hasGathered = false
        responseHeadSeen = false
        if case .beforeResponse(_, let reset) = failure, let pool {
            let cause: RetryCause = reset ? .resetBeforeResponse : .closedBeforeResponse
            if retries(cause, reused: reused, sent: sent, pool, now: now) { return }
        }
        if retriedFor != nil { countRetry(.failed) }
        answer(ErrorResponse(failure.error), now: now)
    }

    /// Sends the request again if the policy says so, and counts what it said.
    func retries(_ cause: RetryCause, reused: Bool, sent: Bool, _ pool: UpstreamPool, now: Instant) -> Bool {
        guard reused || !sent else { return false }
        var decision = RetryPolicy.decide(
            method: method, reused: reused, anyRequestByteSent: sent, anyResponseByteReceived: false,
            bodyReplayable: bodyIsKept, bound: answersChallenge, attempts: attempts,
            maxRetries: pool.settings.maxRetries, budgetAllows: true)
        if decision == .retryFresh, !pool.retryBudget.tryTake(now: now) { decision = .surface(.budgetEmpty) }
        loop.upstream.metrics.retryCauses[cause] += 1
        pool.figures.retryCauses[cause] += 1
        switch decision {
        case .retryFresh:
            retriedFor = cause
            record.retries += 1
            countRetry(.sent)
            if reused { pool.figures.staleRetried += 1 }
            lease(from: pool, fresh: true, now: now)
            return true
        case .surface(let reason):
            if let outcome = RetryOutcome(reason) { countRetry(outcome) }
            if reused { pool.figures.staleSurfaced += 1 }
            return false
        }
    }

    // MARK: Tunnels

    func upgraded(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        responseHeadSeen = true
        record.status = 101
        record.firstByte = now
        answerBegan()
        pool?.figures.requests[RequestClass(methodClass, .informational)] += 1
        phase = .tunnelling
        var shape = ResponseShape(clientVersion: .http11, persists: true)
        shape.passUpgrade = true
        gather(head, bytes, shape)
        deliverGathered()
        if bytes.count > head.length { deliver(UnsafeRawBufferPointer(rebasing: bytes[head.length...])) }
        client.upgraded(self, now: now)
    }

    func tunnelBytes(_ bytes: UnsafeRawBufferPointer) {
        record.bytesToClient += bytes.count
        deliver(bytes)
        client.tunnelActive()
    }

    func tunnelInputClosed() {
        client.tunnelInputClosed(self)
    }

    func tunnelClosed() {
        connection = nil
        phase = .ended
        isEnded = true
        record.finished(now: loop.now)
        client.tunnelClosed(self)
    }

    func upstreamDrained() {
        client.upstreamDrained(self)
    }
}

extension RetryOutcome {
    /// Nil where no retry was in question.
    init?(_ refusal: RetryRefusal) {
        switch refusal {
        case .notIdempotent: self = .refusedMethod
        case .bodyNotReplayable: self = .refusedBody
        case .budgetEmpty: self = .refusedBudget
        case .retriesUsedUp: self = .refusedAttempts
        case .boundToConnection: self = .refusedPinned
        case .responseStarted, .connectionWasFresh: return nil
        }
    }
}
