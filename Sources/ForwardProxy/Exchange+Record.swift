import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Upstream

/// What is counted and kept of an exchange.
extension Exchange {
    var methodClass: MethodClass { method.isSafe ? .safe : method.isIdempotent ? .idempotent : .unsafe }

    func recordGrant(_ connection: UpstreamConnection, reused: Bool, now: Instant) {
        record.granted(connection, reused: reused, now: now)
        record.leaseCause =
            if isTunnel {
                .tunnel
            } else if isRetry {
                .retry
            } else if connection.isShared {
                .pipelined
            } else if record.waited {
                reused ? .returned : .dialled
            } else {
                .idle
            }
        recordQueueTime()
    }

    /// Whether it got a connection or was refused one.
    func recordQueueTime() {
        let queued = record.queueTime.microseconds
        loop.upstream.metrics.queueTime.record(microseconds: queued)
        if !isTunnel { pool?.statistics.queueTime.record(microseconds: queued) }
    }

    func recordFirstByte(now: Instant) {
        let time = (now - record.sent).microseconds
        loop.upstream.metrics.firstByteTime.record(microseconds: time)
        pool?.statistics.firstByteTime.record(microseconds: time)
    }

    /// Waits that may have been for an acknowledgement: the origin's between the parts of a small answer, connd's behind a
    /// request that it wrote in parts.
    @inline(__always)
    func recordWaits(on connection: UpstreamConnection, now: Instant) {
        guard let pool, record.bytesToClient <= DelayStatistics.smallAnswer else { return }
        // Most answers come in one piece, within one round of the loop.
        let wait = record.firstByte < now ? (now - record.firstByte).microseconds : 0
        if connection.hasQuickack {
            Self.note(wait, &pool.statistics.delays.answersWithQuickack, connection)
        } else {
            Self.note(wait, &pool.statistics.delays.answers, connection)
        }
        guard record.sendTime > .zero else { return }
        let answer = (record.firstByte - record.sent - record.sendTime).microseconds
        if connection.hasNoDelay {
            Self.note(answer, &pool.statistics.delays.requests, connection)
        } else {
            Self.note(answer, &pool.statistics.delays.requestsWithNagle, connection)
        }
    }

    /// The kernel is asked for the round trip of few: a wait of this length is rare, and worth a system call.
    @inline(__always)
    private static func note(_ wait: Int64, _ pattern: inout WaitPattern, _ connection: UpstreamConnection) {
        pattern.exchanges += 1
        if wait >= 30_000 { pattern.record(wait: wait - connection.leastRoundTrip) }
    }

    var isRetry: Bool { record.retries > 0 }

    func countRetryCause(_ failure: UpstreamFailure) {
        guard case .beforeResponse(_, let loss) = failure else { return }
        let cause: RetryCause =
            switch loss {
            case .closed: .closedBeforeResponse
            case .reset: .resetBeforeResponse
            case .silence: .silentPath
            }
        loop.upstream.metrics.retryCauses[cause] += 1
        pool?.statistics.retryCauses[cause] += 1
    }

    func countRetry(_ outcome: RetryOutcome) {
        loop.upstream.metrics.retryOutcomes[outcome] += 1
        pool?.statistics.retryOutcomes[outcome] += 1
    }

    /// However it ended; a tunnel's end is counted with its connection.
    func recordEnd(_ outcome: OutcomeClass, now: Instant) {
        record.finished(now: now)
        let total = record.totalTime.microseconds
        let hasAnswer = if case .aborted = outcome { false } else { true }
        if hasAnswer { loop.upstream.metrics.totalTime.record(microseconds: total) }
        guard let pool else { return }
        if !isTunnel {
            pool.statistics.requests[RequestClass(methodClass, outcome)] += 1
            if hasAnswer {
                pool.statistics.totalTime.record(microseconds: total)
                if record.waited { pool.statistics.handshakeWaits += handshakeWaits }
            }
        }
        if let error = record.error { pool.statistics.errors[error] += 1 }
        if record.race != nil { recordRace(isAnswered: record.firstByte >= record.sent, pool, now: now) }
        switch outcome {
        case .proxyError: keep(.failed, pool, now: now)
        case .cut: keep(.cut, pool, now: now)
        case .aborted: keep(.aborted, pool, now: now)
        case .informational, .success, .redirection, .clientError, .serverError:
            let slow = loop.configuration.slowExchange
            if slow > .zero, record.totalTime >= slow {
                keep(.slow, pool, now: now)
            } else if record.race != nil {
                keep(.raced, pool, now: now)
            }
        }
    }

    private func recordRace(isAnswered: Bool, _ pool: UpstreamPool, now: Instant) {
        let sent = record.sent
        if !isAnswered { record.race?.cost += (now - sent).microseconds }
        pool.statistics.races.lostTime += record.race?.cost ?? 0
    }

    /// None where its connection was there already.
    private var handshakeWaits: HandshakeWaits {
        guard !record.reused else { return HandshakeWaits() }
        return HandshakeWaits(
            queued: record.queueTime.microseconds, dns: record.dnsTime.microseconds,
            connect: record.connectTime.microseconds, tls: record.tlsTime.microseconds)
    }

    private func keep(_ outcome: ExchangeDetail.Outcome, _ pool: UpstreamPool, now: Instant) {
        guard loop.upstream.ended.hasRoomForExchange() else { return }
        let line = requestLine
        var detail = ExchangeDetail(
            origin: pool.origin, startedAt: loop.wallClock - record.totalTime.wholeMilliseconds,
            outcome: outcome, method: line.method, target: line.target, status: record.status, error: record.error,
            errorDetail: record.errorDetail, client: client.id.rawValue, connection: record.connection,
            reused: record.reused, leaseCause: record.leaseCause, retries: record.retries)
        detail.queueTime = record.queueTime.microseconds
        if record.leaseCause == .none, record.leaseRequested > .zero {
            detail.queueTime = (now - record.leaseRequested).microseconds
        }
        if record.waited, !record.reused {
            detail.dnsTime = record.dnsTime.microseconds
            detail.connectTime = record.connectTime.microseconds
            detail.tlsTime = record.tlsTime.microseconds
        }
        detail.sendTime = record.sendTime.microseconds
        detail.firstByteTime = max(record.firstByteTime.microseconds - detail.sendTime, 0)
        if record.firstByte > .zero {
            detail.bodyTime = (now - record.firstByte).microseconds
        } else if record.sent > .zero {
            // The wait for an answer that did not come.
            detail.firstByteTime = max((now - record.sent).microseconds - detail.sendTime, 0)
        }
        detail.totalTime = record.totalTime.microseconds
        detail.bytesFromClient = record.bytesFromClient
        detail.bytesToClient = record.bytesToClient
        detail.gateway = gateway?.target.route.name
        if record.connection > 0 { detail.segments = pool.segmentFacts(ofConnection: record.connection) }
        detail.restart = record.restart
        detail.race = record.race
        loop.upstream.ended.exchanges.append(detail)
    }

    /// As it is, or would be, sent to the origin.
    private var requestLine: (method: String, target: String) {
        guard !isTunnel else { return ("CONNECT", "") }
        let bytes = requestHead.bytes
        let line = bytes.prefix(8192).prefix { $0 != UInt8(ascii: "\r") }
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2 else { return ("", "") }
        return (
            String(decoding: parts[0].prefix(32), as: UTF8.self),
            String(decoding: parts[1].prefix(ExchangeDetail.maxTarget), as: UTF8.self)
        )
    }
}
