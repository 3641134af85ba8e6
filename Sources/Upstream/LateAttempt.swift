import Pooling
import ProxyTypes
import Reactor

/// An attempt to connect that was under way when another address had answered. If it opens soon, the pool may keep it, and
/// dials try its address first again; else it is given up. Loop-bound.
final class LateAttempt {
    private unowned let pool: UpstreamPool
    private let stream: any ByteStream
    private let begin: Instant
    private let timer = Deadline()

    static let grace = Interval.seconds(1)

    init(_ stream: any ByteStream, of pool: UpstreamPool) {
        self.stream = stream
        self.pool = pool
        begin = pool.loop.now
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    func start() {
        stream.handler = self
        pool.loop.timer.wake(timer, at: begin + Self.grace)
    }

    func giveUp() {
        pool.loop.timer.remove(timer)
        stream.close()
    }
}

extension LateAttempt: StreamHandler {
    func connected() {
        let now = pool.loop.now
        pool.loop.timer.remove(timer)
        pool.lateAttempts.removeAll { $0 === self }
        if let endpoint = stream.remoteEndpoint { pool.loop.addressHealth.succeeded(endpoint, now: now) }
        pool.cameLate(stream, after: now - begin, now: now)
    }

    func closed(_ cause: StreamEnd) {
        pool.loop.timer.remove(timer)
        pool.lateAttempts.removeAll { $0 === self }
    }

    // Nothing else comes before `connected`, within which the stream gets another handler or is closed.
    func received(_ bytes: UnsafeRawBufferPointer) {}
    func inputEnded() {}
    func outputDrained() {}
}

extension LateAttempt: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        pool.lateAttempts.removeAll { $0 === self }
        giveUp()
        return .distantFuture
    }
}

extension UpstreamPool {
    /// Plain connections only: a handshake would cost more than the connection may ever save.
    var keepsLateAttempts: Bool { tlsProfile == nil && !isForgotten }

    func keepTrying(_ stream: any ByteStream) {
        let attempt = LateAttempt(stream, of: self)
        lateAttempts.append(attempt)
        attempt.start()
    }

    func cameLate(_ stream: any ByteStream, after connectTime: Interval, now: Instant) {
        guard let id = machine.takeExtra(now: now) else { return stream.close() }
        let dialled = DialledStream(
            stream: stream, times: DialTimes(connect: connectTime), tls: nil, source: .dns, attempts: [])
        sockets.insert(open(dialled, id: id, .requests, cause: .warmUp, now: now), id)
        machine.dialSucceeded(id, now: now, into: &actions.pending)
        addressDrain.settled(id, now: now)
        perform(now: now)
    }

    func giveUpLateAttempts() {
        for attempt in lateAttempts { attempt.giveUp() }
        lateAttempts = []
    }
}
