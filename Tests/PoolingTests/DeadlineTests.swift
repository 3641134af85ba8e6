import Pooling
import ProxyTypes
import TestSupport
import Testing

/// How long an idle connection is kept, and why it is then closed.
struct IdleCase: Sendable, CustomTestStringConvertible {
    var setting: IdleTimeout
    var hint: Int64?
    var kept: Interval
    var reason: CloseReason

    var testDescription: String { "\(setting), hint \(hint.map { "\($0) s" } ?? "none")" }
}

@Suite("Time passes")
struct DeadlineTests {
    @Test(
        "an idle connection is kept as long as the setting and the origin's hint allow",
        arguments: [
            IdleCase(setting: .auto, hint: nil, kept: .seconds(4), reason: .idleTimeout),
            IdleCase(setting: .auto, hint: 3, kept: .seconds(2), reason: .keepAliveHint),
            IdleCase(setting: .auto, hint: 60, kept: .seconds(59), reason: .keepAliveHint),
            IdleCase(setting: .auto, hint: 300, kept: .seconds(90), reason: .idleTimeout),
            IdleCase(setting: .fixed(.seconds(30)), hint: nil, kept: .seconds(30), reason: .idleTimeout),
            IdleCase(setting: .fixed(.seconds(30)), hint: 5, kept: .seconds(4), reason: .keepAliveHint),
            IdleCase(setting: .fixed(.seconds(30)), hint: 300, kept: .seconds(30), reason: .idleTimeout),
            IdleCase(setting: .fixed(.minutes(30)), hint: 6000, kept: .minutes(30), reason: .maxLifetime),
        ])
    func idleBounds(_ given: IdleCase) {
        let pool = PoolFixture {
            $0.idleTimeout = given.setting
            if given.reason == .maxLifetime { $0.maxLifetime = .minutes(30) }
        }
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.release(
            connection(0), .reusable(given.hint.map { KeepAliveHint(timeout: .seconds($0)) }, window: .unknown))
        #expect(pool.untilDeadline <= given.kept)
        pool.time.advance(by: given.kept - Interval(nanoseconds: 1))
        #expect(pool.deadlineReached() == [])
        pool.time.advance(by: Interval(nanoseconds: 1))
        #expect(pool.nextDeadline <= pool.time.now)
        #expect(pool.deadlineReached() == [.close(connection(0), given.reason)])
    }

    @Test("a response without a hint does not cancel an earlier one")
    func hintStays() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1, hint: KeepAliveHint(timeout: .seconds(60)))[0]
        pool.lease(1)
        pool.release(id)
        #expect(pool.untilDeadline == .seconds(59))
    }

    @Test("there is no deadline when nothing can time out")
    func nothingDue() {
        let pool = PoolFixture()
        #expect(pool.nextDeadline == .distantFuture)
        _ = pool.becomeIdle(1)
        #expect(pool.nextDeadline < .distantFuture)
        pool.lease(1)
        #expect(pool.nextDeadline == .distantFuture)
    }

    @Test("an early timer does nothing")
    func early() {
        let pool = PoolFixture()
        _ = pool.becomeIdle(1)
        #expect(pool.deadlineReached() == [])
        #expect(pool.nextDeadline > pool.time.now)
    }

    @Test("requests that wait for room longer than queue_timeout are refused, in the order they came")
    func waitedTooLong() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        pool.lease(2)
        pool.time.advance(by: .seconds(1))
        pool.lease(3)
        #expect(pool.untilDeadline == .seconds(4))
        #expect(pool.pass(.seconds(4)) == [.refuse(waiter(2), .waitedTooLong)])
        #expect(pool.release(id) == [.grant(waiter(3), id, reused: true)])
    }

    @Test("a request with a dial under way is not refused by queue_timeout: connect_timeout bounds the dial")
    func dialUnderWay() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        pool.lease(2)
        #expect(pool.pass(.seconds(6)) == [.refuse(waiter(2), .waitedTooLong)])
        #expect(pool.nextDeadline == .distantFuture)
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
    }

    @Test("when that dial is lost, queue_timeout applies again from the start of the wait")
    func dialLost() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        _ = pool.becomeIdle(1)
        pool.lease(1)
        pool.lease(2)
        #expect(pool.pass(.seconds(6)) == [])
        #expect(pool.dialFailed(connection(1)) == [])
        #expect(pool.nextDeadline <= pool.time.now)
        #expect(pool.deadlineReached() == [.refuse(waiter(2), .waitedTooLong)])
    }

    @Test("a shorter queue_timeout applies to new requests, not to those that wait")
    func shorterQueueTimeout() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        _ = pool.becomeIdle(1)
        pool.lease(1)
        pool.lease(2)
        _ = pool.apply { $0.queueTimeout = .seconds(1) }
        pool.lease(3)
        #expect(pool.pass(.seconds(1)) == [.refuse(waiter(3), .waitedTooLong)])
        #expect(pool.pass(.seconds(4)) == [.refuse(waiter(2), .waitedTooLong)])
    }
}

@Suite("Settings change")
struct ApplyTests {
    @Test("max_connections shrinks: idle ones at once, leased ones when their lease ends")
    func shrink() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(4)
        pool.lease(1)
        pool.lease(2)
        #expect(pool.apply { $0.maxConnections = 1 } == [.close(ids[0], .poolShrink), .close(ids[1], .poolShrink)])
        #expect(pool.release(ids[3]) == [.close(ids[3], .poolShrink)])
        #expect(pool.release(ids[2]) == [])
        #expect(pool.counts.idle == 1)
        #expect(pool.origin.limit == 1)
    }

    @Test("dials under way when it shrinks are closed when they succeed")
    func shrinkWhileDialing() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.lease(2)
        #expect(pool.apply { $0.maxConnections = 1 } == [])
        #expect(pool.dialSucceeded(connection(0)) == [.close(connection(0), .poolShrink)])
        #expect(pool.dialSucceeded(connection(1)) == [.grant(waiter(1), connection(1), reused: false)])
        #expect(pool.closed(connection(0)) == [])
    }

    @Test("max_connections grows: waiting requests are dialled for at once")
    func grow() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        pool.lease(2)
        #expect(pool.apply { $0.maxConnections = 2 } == [.dial(connection(1))])
    }

    @Test("max_idle, max_requests_per_connection and idle_timeout apply to idle connections immediately")
    func idleOnes() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(3)
        #expect(pool.apply { $0.maxIdle = 2 } == [.close(ids[0], .poolShrink)])
        pool.lease(1)
        pool.release(ids[2])
        #expect(pool.apply { $0.maxRequestsPerConnection = 2 } == [.close(ids[2], .maxRequests)])
        pool.time.advance(by: .milliseconds(200))
        #expect(pool.apply { $0.idleTimeout = .fixed(.milliseconds(100)) } == [.close(ids[1], .idleTimeout)])
    }

    @Test("a longer idle_timeout moves the deadline")
    func longerIdle() {
        let pool = PoolFixture()
        _ = pool.becomeIdle(1)
        _ = pool.apply { $0.idleTimeout = .fixed(.seconds(60)) }
        #expect(pool.pass(.seconds(30)) == [])
        #expect(pool.counts.idle == 1)
    }

    @Test("a new max_lifetime applies to new connections")
    func lifetime() {
        let pool = PoolFixture { $0.idleTimeout = .fixed(.hours(1)) }
        _ = pool.becomeIdle(1)
        #expect(pool.apply { $0.maxLifetime = .seconds(1) } == [])
        #expect(pool.pass(.seconds(2)) == [])
    }

    @Test("min_idle is dialled at once, if the origin was used")
    func minIdle() {
        let pool = PoolFixture()
        #expect(pool.apply { $0.minIdle = 1 } == [])
        #expect(pool.lease(1) == [.dial(connection(0)), .dial(connection(1), .warmUp)])
        #expect(pool.apply { $0.minIdle = 2 } == [.dial(connection(2), .warmUp)])
    }
}
