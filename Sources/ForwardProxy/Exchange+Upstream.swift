import HTTPWire
import Metering
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// What the pool and the connection tell an exchange: leases, the response, failures and whether they are met with a retry.
extension Exchange: UpstreamExchange {
    var method: HTTPWire.Method { traits.method }
    var asksUpgrade: Bool { traits.purpose == .upgrade }
    var wantsContentOnly: Bool { traits.version == .http10 }

    /// As far as is known before the lease; `RetryPolicy` is asked again when a connection is lost.
    var isRetryable: Bool {
        guard let pool else { return false }
        return RetryPolicy.isRetryable(
            method, number: attemptNumber,
            bodyIsReplayable: bodyProgress == .complete && body.count <= pool.settings.replayBuffer,
            maxRetries: pool.settings.maxRetries, budgetAllows: pool.retryBudget.allows(now: loop.now))
    }

    // MARK: Leases

    func leaseGranted(_ connection: UpstreamConnection, reused: Bool, now: Instant) {
        guard isWaiting else {
            Invariant.broken("an exchange that asks for no connection was granted one")
            return connection.abandon(self, .clientAborted, now: now)
        }
        if isTunnel {
            move(to: .tunnelling(connection))
            recordGrant(connection, reused: reused, now: now)
            let isTold = responseHasBegun
            response = .sent(.close)
            return client.tunnelOpened(self, isTold: isTold, now: now)
        }
        move(to: .sending(connection, isLoggingIn: traits.bindsConnection && connection.isLoggingIn))
        recordGrant(connection, reused: reused, now: now)
        if traits.bindsConnection { pin(connection, isLoggingIn: false) }
        sendRequest(on: connection, now: now)
        setPace(of: connection, now: now)
        client.leaseGranted(self, now: now)
    }

    func responseIsNext(now: Instant) {
        if let connection { setPace(of: connection, now: now) }
    }

    /// A response that waits for its turn with the client is read in small parts, and little of it is held.
    @inline(__always)
    private func setPace(of connection: UpstreamConnection, now: Instant) {
        if !client.isFront(self) {
            connection.limitReads(to: ProxyConfiguration.coalesced, for: self)
        } else if !client.isWritable {
            connection.setReading(false, for: self, now: now)
        }
    }

    /// The head, and what has arrived of the body.
    private func sendRequest(on connection: UpstreamConnection, now: Instant) {
        if isLongUpload { connection.uploadBegins(now: now) }
        if body.isEmpty {
            connection.write(requestHead.bytes)
        } else {
            connection.write(requestHead.bytes, body.bytes)
            if !method.isIdempotent || body.count > (pool?.settings.replayBuffer ?? 0) { forgetBody() }
        }
        switch bodyProgress {
        case .complete:
            if isLongUpload { record.restart = connection.uploadEnded() }
            connection.requestEnded(now: now)
        case .arriving: connection.requestProgressed(now: now)
        }
    }

    /// Requests of other clients on this connection would act as this client.
    private func pin(_ connection: UpstreamConnection, isLoggingIn: Bool) {
        guard let pool else { return }
        connection.pin(to: client.id, isLoggingIn: isLoggingIn)
        client.pinned(in: pool)
    }

    func leaseRefused(_ error: ProxyError, now: Instant) {
        guard isWaiting else { return Invariant.broken("an exchange that asks for no connection was refused one") }
        record.queueTime = now - record.leaseRequested
        recordQueueTime()
        if isRetry { countRetry(.failed) }
        answer(.error(ErrorResponse(error)), now: now)
    }

    // MARK: The response

    func informationalHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer) {
        client.continueReceived(self)
        guard traits.version == .http11 else { return }
        write(head, bytes, ResponseShape(clientVersion: .http11, persists: true))
        deliver(loop.upstream.scratch.bytes)
    }

    func responseHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        record.status = head.status
        record.firstByte = now
        recordFirstByte(now: now)
        responseBegan()
        if head.bindsConnection || !client.pinnedIn.isEmpty, let connection, head.bindsConnection || connection.isPinned
        {
            pin(connection, isLoggingIn: traits.bindsConnection && head.status == 401)
        }
        let dechunks = wantsContentOnly && head.framing.isChunked
        let persistence: Persistence =
            dechunks || head.framing.isUntilClose ? .closeDelimited : allowsKeepAlive ? .keepAlive : .close
        var shape = ResponseShape(clientVersion: traits.version, persists: persistence == .keepAlive)
        // Also where no body follows, as to HEAD: it must not be told of a coding (RFC 9112 6.1).
        shape.dechunk = wantsContentOnly
        shape.keepAliveTimeout = Int(loop.configuration.clientIdleTimeout.wholeSeconds)
        shape.keepAliveMax = ProxyConfiguration.keepAliveMax
        write(head, bytes, shape)
        response = .gathered(persistence)
        client.continueReceived(self)
    }

    /// There will be no retry.
    private func responseBegan() {
        if isRetry { countRetry(.succeeded) }
        forgetBody()
    }

    /// Into the loop's scratch: it goes out before the call from the connection that brought it returns.
    private func write(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, _ shape: ResponseShape) {
        let name = loop.via(head.version)
        let via = name.span.bytes
        let upstream = loop.upstream
        upstream.scratch.clear(keeping: ProxyConfiguration.keptScratch)
        if let gateway { return write(head, bytes, shape, for: gateway) }
        let room = upstream.scratch.room(for: HeadWriter.responseSize(head, viaLength: via.byteCount))
        upstream.scratch.commit(HeadWriter.writeResponse(head, bytes.bytes, via: via, to: shape, into: room))
    }

    private func write(
        _ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, _ shape: ResponseShape,
        for gateway: GatewayAnswers
    ) {
        let name = loop.via(head.version)
        let via = name.span.bytes
        let (rewrite, base) = (gateway.rewrite, gateway.rewrite.base)
        loop.headEdits.removeAll(keepingCapacity: true)
        rewrite.findEdits(in: head, bytes.bytes, into: &loop.headEdits)
        let edits = loop.headEdits
        let size = HeadWriter.responseSize(
            head, viaLength: via.byteCount, edits: edits.count, baseLength: base.count)
        let scratch = loop.upstream.scratch.room(for: size)
        loop.upstream.scratch.commit(
            HeadWriter.writeResponse(head, bytes.bytes, via: via, to: shape, edits: edits, base: base, into: scratch))
    }

    func responseBody(_ bytes: UnsafeRawBufferPointer) {
        record.bytesToClient += bytes.count
        switch response {
        case .gathered where bytes.count <= ProxyConfiguration.coalesced: loop.upstream.scratch.append(bytes)
        case .gathered(let persistence):
            response = .sent(persistence)
            deliver(loop.upstream.scratch.bytes, bytes)
        case .sent: deliver(bytes)
        case .none: Invariant.broken("a response's body came before its head")
        }
    }

    func responseReadComplete() {
        deliverGathered()
    }

    private func deliverGathered() {
        guard case .gathered(let persistence) = response else { return }
        response = .sent(persistence)
        deliver(loop.upstream.scratch.bytes)
    }

    func responseEnded(on connection: UpstreamConnection, now: Instant) {
        recordWaits(on: connection, now: now)
        // The connection may serve another by now: a slow reader here must not pause it.
        move(to: .ended(.answered))
        deliverGathered()
        recordEnd(OutcomeClass(status: record.status), now: now)
        client.exchangeEnded(self, now: now)
    }

    // MARK: Failures

    func failed(_ failure: UpstreamFailure, now: Instant) {
        guard case .sending(let connection, let isLoggingIn) = state else {
            return Invariant.broken("an exchange that sends nothing has failed")
        }
        if case .sent = response { return cut(failure.error, now: now) }
        let attempt = RequestAttempt(
            method: method, number: attemptNumber, failure: .init(failure),
            connectionMayBeStale: connection.mayBeStale, requestBytesSent: connection.bytesSent > 0,
            bodyIsReplayable: replay == .replayable, isBoundToConnection: isLoggingIn)
        if attempt.connectionMayBeStale, case .beforeResponse(_, let loss) = failure {
            record.lost(connection.lostRace(loss))
        }
        if retries(after: attempt, failure, now: now) { return }
        if isRetry, !responseHasBegun { countRetry(.failed) }
        answer(.error(ErrorResponse(failure.error)), now: now)
    }

    /// Some of the response went to the client, which must see that the rest is missing.
    private func cut(_ error: ProxyError, now: Instant) {
        move(to: .ended(.cut))
        record.error = error.kind
        record.errorDetail = error.detail
        loop.upstream.metrics.responsesCut += 1
        loop.upstream.metrics.errors[error.kind] += 1
        client.use.countError(of: pool)
        recordEnd(.cut, now: now)
        client.exchangeEnded(self, now: now)
    }

    /// Sends the request again if the policy says so, and counts what it said.
    private func retries(after attempt: RequestAttempt, _ failure: UpstreamFailure, now: Instant) -> Bool {
        guard let pool else { return false }
        let decision = RetryPolicy.decide(
            after: attempt, maxRetries: pool.settings.maxRetries, budgetAllows: pool.retryBudget.allows(now: now))
        switch decision {
        case .retryFresh:
            pool.retryBudget.take(now: now)
            countRetryCause(failure)
            record.retries += 1
            countRetry(.sent)
            if attempt.connectionMayBeStale { pool.statistics.staleRetried += 1 }
            requestConnection(from: pool, fresh: true, now: now)
            return true
        case .surface(let reason):
            guard let outcome = RetryOutcome(reason) else { return false }
            countRetryCause(failure)
            countRetry(outcome)
            if attempt.connectionMayBeStale { pool.statistics.staleSurfaced += 1 }
            return false
        }
    }

    // MARK: Tunnels

    /// There is no tunnel: its client's TLS ends at connd, or should have.
    func endWithoutTunnel(_ outcome: ExchangeRecord.InterceptOutcome, now: Instant) {
        record.intercept = outcome
        record.finished(now: now)
        move(to: .ended(.tunnelClosed))
    }

    /// Its client was told that the tunnel is open, so it can be told nothing more.
    func promiseFailed(_ response: ErrorResponse, now: Instant) {
        loop.upstream.metrics.errors[response.kind] += 1
        client.use.countError(of: pool)
        record.error = response.kind
        record.errorDetail = response.detail
        move(to: .ended(.tunnelClosed))
        recordEnd(.proxyError, now: now)
        client.exchangeEnded(self, now: now)
    }

    func upgraded(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        guard case .sending(let connection, _) = state else {
            return Invariant.broken("an exchange that sends nothing was upgraded")
        }
        record.status = 101
        record.firstByte = now
        responseBegan()
        pool?.statistics.requests[RequestClass(methodClass, .informational)] += 1
        move(to: .tunnelling(connection))
        var shape = ResponseShape(clientVersion: .http11, persists: true)
        shape.passUpgrade = true
        write(head, bytes, shape)
        response = .sent(.close)
        deliver(loop.upstream.scratch.bytes)
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

    func tunnelClosed(isCut: Bool) {
        move(to: .ended(.tunnelClosed))
        record.finished(now: loop.now)
        client.tunnelClosed(self, isCut: isCut, now: loop.now)
    }

    func upstreamDrained() {
        client.upstreamDrained(self)
    }
}

extension RequestAttempt.Failure {
    init(_ failure: UpstreamFailure) {
        switch failure {
        case .beforeResponse: self = .connectionLost
        case .timeout: self = .timedOut
        case .tls: self = .tlsAlert
        case .response: self = .responseStarted
        }
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
        case .responseStarted, .timedOut, .tlsAlert, .connectionWasFresh: return nil
        }
    }
}
