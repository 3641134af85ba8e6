import Pooling
import ProxyTypes
import TestSupport
import Testing

/// A request that may not be repeated is one without `isRetryable`.
@Suite("A connection is lost without notice")
struct TrustTests {
    /// `count` idle connections, of which the one that the reuse order names was lost; the others, the longest idle first.
    private func oneLost(
        of count: Int, _ change: (inout PoolPolicy) -> Void = { _ in }
    ) throws -> (PoolFixture, [ConnectionID]) {
        let pool = PoolFixture(change)
        var ids = pool.becomeIdle(count)
        guard case .grant(_, let lost, _) = pool.lease(1).first else { throw TestFailure("no connection was granted") }
        pool.lose(lost)
        pool.closed(lost)
        ids.removeAll { $0 == lost }
        return (pool, ids)
    }

    @Test("of ten requests that are not retryable one fails", arguments: [ReuseOrder.lifo, .fifo, .widest])
    func silentRestart(order: ReuseOrder) {
        let pool = PoolFixture { $0.reuseOrder = order }
        let dead = Set(pool.becomeIdle(8))
        var failed = 0
        for number in 1...10 {
            var actions = pool.lease(UInt32(number))
            if case .dial(let id, _) = actions.first { actions = pool.dialSucceeded(id) }
            guard case .grant(_, let id, _) = actions.first else {
                Issue.record("request \(number) got \(actions)")
                return
            }
            if dead.contains(id) {
                failed += 1
                pool.lose(id)
            } else {
                pool.release(id)
            }
        }
        #expect(failed == 1)
    }

    @Test("all idle connections are distrusted, and a request that is not retryable is dialled for")
    func distrusted() throws {
        let (pool, ids) = try oneLost(of: 3)
        #expect(pool.affected == 2)
        for id in ids { #expect(pool.state(id) == .distrusted) }
        #expect(pool.leaseIdle() == nil)
        #expect(pool.lease(2).count == 1 && pool.counts.dialing == 1)
        #expect(pool.counts.idle == 2)
    }

    @Test("a retryable request takes the one heard from last; its response makes that one trusted, and no other")
    func provesItselfAlone() throws {
        let (pool, ids) = try oneLost(of: 3)
        #expect(pool.lease(2, isRetryable: true) == [.grant(waiter(2), ids[1], reused: true)])
        pool.release(ids[1])
        #expect(pool.state(ids[1]) == .idle)
        #expect(pool.state(ids[0]) == .distrusted)
        #expect(pool.lease(3) == [.grant(waiter(3), ids[1], reused: true)])
    }

    @Test("a retryable request takes a trusted one first")
    func trustedFirst() throws {
        let (pool, ids) = try oneLost(of: 3)
        pool.lease(2, isRetryable: true)
        pool.release(ids[1])
        #expect(pool.lease(3, isRetryable: true) == [.grant(waiter(3), ids[1], reused: true)])
        #expect(pool.state(ids[0]) == .distrusted)
    }

    @Test("one distrusted connection at a time is leased; other requests are dialled for")
    func oneAtATime() throws {
        let (pool, ids) = try oneLost(of: 3)
        pool.lease(2, isRetryable: true)
        #expect(pool.lease(3, isRetryable: true).count == 1 && pool.counts.dialing == 1)
        // The one that has proved alive serves who waits.
        #expect(pool.release(ids[1]) == [.grant(waiter(3), ids[1], reused: true)])
    }

    @Test("one that was granted and not used stays distrusted, and the next retryable request gets it")
    func unused() throws {
        let (pool, ids) = try oneLost(of: 2)
        pool.lease(2, isRetryable: true)
        pool.release(ids[0], .unused)
        #expect(pool.state(ids[0]) == .distrusted)
        #expect(pool.lease(3, isRetryable: true) == [.grant(waiter(3), ids[0], reused: true)])
    }

    @Test("one that was granted and not used is not granted to a request that is not retryable")
    func unusedBesideWaiting() throws {
        let (pool, ids) = try oneLost(of: 2)
        pool.lease(2, isRetryable: true)
        pool.lease(3)
        #expect(pool.release(ids[0], .unused) == [])
        #expect(pool.state(ids[0]) == .distrusted && pool.counts.waiting == 1)
    }

    @Test("when a distrusted one is lost as well, all others still distrusted are closed, and no trusted one")
    func confirmed() throws {
        let (pool, ids) = try oneLost(of: 4)
        pool.lease(2)
        let new = connection(3, 1)
        pool.dialSucceeded(new)
        pool.lease(3, isRetryable: true)
        pool.release(new)
        let actions = pool.lose(ids[2])
        #expect(
            actions == [
                .close(ids[0], .distrusted), .close(ids[1], .distrusted), .close(ids[2], .originClosedMidResponse),
            ])
        #expect(pool.affected == 0)
        #expect(pool.state(new) == .idle)
    }

    @Test(
        "one that was leased when another was lost is trusted once it has answered; if it is lost, the others are distrusted again"
    )
    func leased() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(4)
        for number in 1...3 { pool.lease(UInt32(number)) }
        pool.lose(ids[3])
        #expect(pool.affected == 1)
        pool.release(ids[2])
        #expect(pool.state(ids[2]) == .idle)
        #expect(pool.state(ids[0]) == .distrusted)
        pool.lose(ids[1])
        #expect(pool.affected == 1)
        #expect(pool.state(ids[2]) == .distrusted)
    }

    @Test("one that has not answered in time is closed, and no later than it would have been anyway")
    func unproven() throws {
        let (pool, ids) = try oneLost(of: 3) { $0.idleTimeout = .fixed(.seconds(60)) }
        #expect(pool.untilDeadline == OriginPool.verificationTimeout)
        // Settings that change do not give it longer.
        _ = pool.apply { $0.idleTimeout = .fixed(.seconds(90)) }
        #expect(pool.pass(OriginPool.verificationTimeout) == ids.map { .close($0, .distrusted) })

        let (other, those) = try oneLost(of: 2) { $0.idleTimeout = .fixed(.seconds(2)) }
        #expect(other.pass(.seconds(2)) == [.close(those[0], .idleTimeout)])
    }

    @Test("one that has answered has its full idle time again")
    func provenInTime() throws {
        let (pool, ids) = try oneLost(of: 2) { $0.idleTimeout = .fixed(.seconds(60)) }
        pool.lease(2, isRetryable: true)
        pool.release(ids[0])
        #expect(pool.pass(OriginPool.verificationTimeout) == [])
        #expect(pool.untilDeadline == .seconds(55))
    }

    @Test(
        "one is closed where it takes up room that a waiting request needs, whatever the bounds of the queue",
        arguments: [0, 256])
    func makesRoom(maxQueue: Int) throws {
        let (pool, ids) = try oneLost(of: 3) {
            $0.maxConnections = 3
            $0.maxQueue = maxQueue
            if maxQueue == 0 { $0.queueTimeout = .zero }
        }
        #expect(pool.lease(2) == [.dial(connection(2, 1))])
        #expect(pool.lease(3) == [.close(ids[0], .distrusted)])
        #expect(pool.counts.idle == 1 && pool.counts.waiting == 2)
        #expect(pool.closed(ids[0]) == [.dial(connection(0, 1))])
    }

    @Test("while one distrusted connection is leased, another is closed to make room for a second retryable request")
    func makesRoomBesideProof() throws {
        let (pool, ids) = try oneLost(of: 3) { $0.maxConnections = 3 }
        pool.lease(2, isRetryable: true)
        pool.lease(3)
        #expect(pool.lease(4, isRetryable: true) == [.close(ids[0], .distrusted)])
        #expect(pool.release(ids[1]) == [.grant(waiter(3), ids[1], reused: true)])
    }

    @Test("a retry gets no distrusted one, even if that has served no request yet")
    func retry() {
        let pool = PoolFixture()
        let used = pool.becomeIdle(1)[0]
        pool.lease(1)
        _ = pool.prewarm(1)
        pool.dialSucceeded(connection(1))
        pool.lose(used)
        #expect(pool.state(connection(1)) == .distrusted)
        #expect(pool.lease(2, fresh: true) == [.dial(connection(2), .replacement)])
    }

    @Test("the loss of one dialled ahead at its first request, after it was idle, makes the others distrusted too")
    func dialledAhead() {
        let pool = PoolFixture()
        let used = pool.becomeIdle(1)[0]
        _ = pool.prewarm(2)
        pool.dialSucceeded(connection(1))
        pool.lease(1)
        pool.lease(2)
        pool.release(used)
        pool.lose(connection(1))
        #expect(pool.state(used) == .distrusted)
    }

    @Test("the loss of one that was never idle makes none distrusted: the origin failed at the request")
    func fresh() {
        let pool = PoolFixture()
        _ = pool.becomeIdle(2)
        pool.lease(1)
        pool.lease(2)
        pool.lease(3)
        pool.dialSucceeded(connection(2))
        pool.release(connection(0))
        #expect(pool.state(connection(2)) == .leased)
        pool.lose(connection(2))
        #expect(pool.affected == 0)
        #expect(pool.state(connection(0)) == .idle)
    }

    @Test("min_idle counts trusted connections only")
    func warm() throws {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(3)
        _ = pool.apply { $0.minIdle = 2 }
        pool.lease(1)
        #expect(pool.lose(ids[2]).filter { if case .dial(_, .warmUp) = $0 { true } else { false } }.count == 2)
    }

    @Test("with max_idle reached the distrusted go first, also under pressure")
    func firstToGo() throws {
        let (pool, ids) = try oneLost(of: 3) { $0.maxIdle = 3 }
        pool.lease(2)
        pool.lease(3)
        pool.dialSucceeded(connection(2, 1))
        pool.dialSucceeded(connection(3))
        #expect(pool.release(connection(2, 1)) == [])
        #expect(pool.release(connection(3)) == [.close(ids[0], .poolShrink)])
        #expect(pool.shedIdle(1) == [.close(ids[1], .fdPressure)])
    }

    @Test("where dials fail, distrusted ones serve retryable requests, and the others are refused as without them")
    func dialsFail() throws {
        let (pool, ids) = try oneLost(of: 2)
        pool.lease(2)
        #expect(pool.dialFailed(connection(1, 1)) == [.refuse(waiter(2), .dialFailing)])
        #expect(pool.lease(3, isRetryable: true) == [.grant(waiter(3), ids[0], reused: true)])
    }

    @Test("a busy connection is shared again once it has answered")
    func pipelining() {
        let pool = PoolFixture {
            $0.maxConnections = 2
            $0.pipelineDepth = 3
        }
        let ids = pool.becomeIdle(2)
        pool.lease(1, mayPipeline: true)
        pool.lease(2, mayPipeline: true)
        #expect(pool.lease(3, mayPipeline: true) == [.grant(waiter(3), ids[1], reused: true)])
        pool.lose(ids[0])
        #expect(pool.lease(5, mayPipeline: true) == [])
        #expect(pool.release(ids[1]) == [.grant(waiter(5), ids[1], reused: true)])
    }

    @Test("a distrusted one that is leased is not shared")
    func provingIsNotShared() throws {
        let (pool, _) = try oneLost(of: 2) {
            $0.maxConnections = 2
            $0.pipelineDepth = 3
        }
        pool.lease(2, mayPipeline: true)
        pool.lease(3)
        #expect(pool.lease(4, mayPipeline: true) == [])
    }

    @Test("a drain closes them, and a pause keeps them for retryable requests")
    func orders() throws {
        let (pool, ids) = try oneLost(of: 3)
        #expect(pool.drain(.drained) == ids.map { .close($0, .drained) })

        let (other, those) = try oneLost(of: 2)
        other.pause()
        #expect(other.lease(2, isRetryable: true) == [])
        #expect(other.resume() == [.grant(waiter(2), those[0], reused: true)])
    }
}
