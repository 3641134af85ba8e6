import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("A connection belongs to one client")
struct PinTests {
    /// One connection that client 1 has logged in, between two of its requests.
    private func loggedIn(_ change: (inout PoolPolicy) -> Void = { _ in }) -> (pool: PoolFixture, id: ConnectionID) {
        let pool = PoolFixture(change)
        let id = pool.becomeIdle(1)[0]
        #expect(pool.lease(1, client: 1) == [.grant(waiter(1), id, reused: true)])
        pool.pin(id, to: 1)
        #expect(pool.release(id) == [])
        return (pool, id)
    }

    @Test("its owner gets it again, everybody else another one")
    func owner() {
        let (pool, id) = loggedIn()
        #expect(pool.counts.pinned == 1 && pool.counts.idle == 0)
        #expect(pool.isPinned(to: 1) && !pool.isPinned(to: 2))
        #expect(pool.leaseIdle() == nil)
        #expect(pool.lease(2, client: 2) == [.dial(connection(1))])
        #expect(pool.lease(3, client: 1) == [.grant(waiter(3), id, reused: true)])
    }

    @Test("requests of other clients are not served by it, however long it is unused")
    func othersWait() {
        let (pool, id) = loggedIn { $0.maxConnections = 1 }
        #expect(pool.lease(2, client: 2) == [])
        #expect(pool.lease(3, client: 1) == [.grant(waiter(3), id, reused: true)])
        #expect(pool.release(id) == [])
        #expect(pool.budgetFreed() == [])
        #expect(pool.counts.waiting == 1 && pool.counts.pinned == 1)
    }

    @Test("it is closed for requests that wait for room once its owner has not used it for a second")
    func givesWay() {
        let (pool, id) = loggedIn { $0.maxConnections = 1 }
        pool.lease(2, client: 2)
        #expect(pool.untilDeadline == .seconds(1))
        #expect(pool.pass(.milliseconds(999)) == [])
        #expect(pool.pass(.milliseconds(1)) == [.close(id, .poolShrink)])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("it is closed for a retry, and where the total limit is reached")
    func givesWayToRetries() {
        let pool = PoolFixture(total: 1)
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, client: 1)
        pool.pin(id, to: 1)
        pool.release(id)
        pool.lease(2, client: 2, fresh: true)
        #expect(pool.pass(.seconds(1)) == [.close(id, .poolShrink)])
    }

    @Test("it closes when it has been unused for as long as any connection may be idle")
    func idleBound() {
        let (pool, id) = loggedIn()
        #expect(pool.pass(.seconds(4)) == [.close(id, .idleTimeout)])
    }

    @Test("a connection that its owner leases cannot serve requests of others")
    func failingDials() {
        let (pool, id) = loggedIn { $0.maxConnections = 2 }
        pool.lease(2, client: 1)
        #expect(pool.lease(3, client: 2) == [.dial(connection(1))])
        #expect(pool.dialFailed(connection(1)) == [.refuse(waiter(3), .dialFailing)])
        #expect(pool.owner(id) == ClientID(rawValue: 1))
    }

    @Test("its owner does not get it past its deadline")
    func tooLate() {
        let (pool, id) = loggedIn()
        pool.time.advance(by: .seconds(5))
        #expect(pool.lease(2, client: 1) == [.close(id, .idleTimeout), .dial(connection(1))])
    }

    @Test("no retry gets it, not even its owner's")
    func retries() {
        let (pool, _) = loggedIn()
        #expect(pool.lease(2, client: 1, fresh: true) == [.dial(connection(1), .replacement)])
    }

    @Test("it is not shared by pipelining")
    func pipelining() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 4
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, client: 1, mayPipeline: true)
        pool.pin(id, to: 1)
        #expect(pool.lease(2, client: 1, mayPipeline: true) == [])
        #expect(pool.lease(3, client: 2, mayPipeline: true) == [])
        #expect(pool.release(id) == [.grant(waiter(2), id, reused: true)])
        #expect(pool.release(id) == [])
        #expect(pool.counts.waiting == 1)
    }

    @Test("one that carries requests of several clients belongs to none, and closes with its last lease")
    func shared() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 4
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, client: 1, mayPipeline: true)
        #expect(pool.lease(2, client: 2, mayPipeline: true) == [.grant(waiter(2), id, reused: true)])
        pool.pin(id, to: 1)
        #expect(!pool.isPinned(to: 1))
        #expect(pool.lease(3, client: 3, mayPipeline: true) == [])
        #expect(pool.release(id) == [])
        #expect(pool.release(id) == [.close(id, .pinned)])
    }

    @Test("it closes when its owner is gone: at once between requests, else when its lease ends")
    func ownerEnds() {
        let (pool, id) = loggedIn()
        #expect(pool.endPins(of: 2) == [])
        #expect(pool.endPins(of: 1) == [.close(id, .pinned)])
        let (other, busy) = loggedIn()
        other.lease(2, client: 1)
        #expect(other.endPins(of: 1) == [])
        #expect(other.release(busy) == [.close(busy, .pinned)])
    }

    @Test("a client has at most one: the one it used last")
    func oneEach() {
        let (pool, id) = loggedIn()
        pool.lease(2, client: 1, fresh: true)
        pool.dialSucceeded(connection(1))
        pool.pin(connection(1), to: 1)
        #expect(pool.release(connection(1)) == [.close(id, .pinned)])
        #expect(pool.lease(3, client: 1) == [.grant(waiter(3), connection(1), reused: true)])
    }

    @Test("a drain, an order to close and a shutdown close it")
    func ended() {
        let (drained, id) = loggedIn()
        #expect(drained.drain(.drained) == [.close(id, .drained)])
        #expect(drained.affected == 1)
        let (closed, _) = loggedIn()
        #expect(closed.close(id) == [.close(id, .killed)])
        let (stopped, _) = loggedIn()
        #expect(stopped.shutdown() == [.close(id, .shutdown)])
        let (short, _) = loggedIn()
        #expect(short.shedIdle(1) == [.close(id, .fdPressure)])
    }

    @Test("it counts against max_connections, not against max_idle")
    func limits() {
        let (pool, id) = loggedIn()
        #expect(pool.apply { $0.maxIdle = 0 } == [])
        #expect(pool.counts.pinned == 1)
        #expect(pool.apply { $0.maxConnections = 0 } == [.close(id, .poolShrink)])
    }

    @Test("after a pause its owner gets it, not the next in turn")
    func pause() {
        let (pool, id) = loggedIn { $0.maxConnections = 1 }
        pool.pause()
        #expect(pool.lease(2, client: 2) == [])
        #expect(pool.lease(3, client: 1) == [])
        #expect(pool.resume() == [.grant(waiter(3), id, reused: true)])
    }

    /// One connection whose owner, client 1, has been challenged and is to answer.
    private func loggingIn(
        hint: KeepAliveHint? = nil, _ change: (inout PoolPolicy) -> Void = { _ in }
    ) -> (pool: PoolFixture, id: ConnectionID) {
        let pool = PoolFixture(change)
        pool.lease(1, client: 1)
        pool.dialSucceeded(connection(0))
        pool.pin(connection(0), to: 1, isLoggingIn: true)
        #expect(pool.release(connection(0), .reusable(hint, window: .unknown)) == [])
        return (pool, connection(0))
    }

    @Test("a login goes on where its connection has served its last request or is about to expire")
    func loginGoesOn() {
        let (worn, id) = loggingIn { $0.maxRequestsPerConnection = 1 }
        #expect(worn.lease(2, client: 1) == [.grant(waiter(2), id, reused: true)])
        worn.pin(id, to: 1)
        #expect(worn.release(id) == [.close(id, .maxRequests)])
        let (hinted, _) = loggingIn(hint: KeepAliveHint(timeout: .seconds(1)))
        #expect(hinted.pass(.milliseconds(500)) == [])
        #expect(hinted.lease(2, client: 1) == [.grant(waiter(2), id, reused: true)])
        let (old, _) = loggingIn { $0.maxLifetime = .milliseconds(1) }
        #expect(old.pass(.milliseconds(500)) == [])
        #expect(old.lease(2, client: 1) == [.grant(waiter(2), id, reused: true)])
    }

    @Test("but not where the origin has announced that it takes no further request")
    func loginEnds() {
        let pool = PoolFixture()
        pool.lease(1, client: 1)
        pool.dialSucceeded(connection(0))
        pool.pin(connection(0), to: 1, isLoggingIn: true)
        let last = Disposition.reusable(KeepAliveHint(max: 0), window: .unknown)
        #expect(pool.release(connection(0), last) == [.close(connection(0), .keepAliveHint)])
    }

    @Test("a login under way is drained when it has ended, and closed by an order, with its owner and by a shutdown")
    func loginAndDrain() {
        let (drained, id) = loggingIn()
        #expect(drained.drain(.drained) == [])
        #expect(drained.affected == 1)
        #expect(drained.drain(.drained) == [] && drained.affected == 0)
        #expect(drained.lease(2, client: 1) == [.grant(waiter(2), id, reused: true)])
        drained.pin(id, to: 1)
        #expect(drained.release(id) == [.close(id, .drained)])
        let (late, _) = loggingIn()
        #expect(late.apply { $0.idleTimeout = .fixed(.seconds(300)) } == [])
        #expect(late.drain(.drained) == [])
        #expect(late.pass(.seconds(5)) == [.close(id, .drained)])
        let (again, _) = loggingIn()
        #expect(again.drain(.drained) == [])
        again.lease(2, client: 1)
        again.pin(id, to: 1, isLoggingIn: true)
        #expect(again.release(id) == [.close(id, .drained)], "one more request, and no more")
        let (lost, _) = loggingIn()
        #expect(lost.drain(.drained) == [])
        lost.lease(2, client: 1)
        #expect(lost.release(id, .mustClose(.originFinIdle)) == [.close(id, .drained)])
        let (ordered, _) = loggingIn()
        #expect(ordered.drain(.drained) == [])
        #expect(ordered.close(id) == [.close(id, .drained)])
        let (left, _) = loggingIn()
        #expect(left.drain(.drained) == [])
        #expect(left.endPins(of: 1) == [.close(id, .drained)])
        let (closed, _) = loggingIn()
        #expect(closed.close(id) == [.close(id, .killed)])
        let (stopped, _) = loggingIn()
        #expect(stopped.shutdown() == [.close(id, .shutdown)])
        let (both, _) = loggingIn()
        both.lease(2, client: 1)
        #expect(both.drain(.drained) == [] && both.shutdown() == [])
        both.pin(id, to: 1, isLoggingIn: true)
        #expect(both.release(id) == [.close(id, .drained)])
    }

    @Test(
        "a connection in the middle of a login is not closed for others until its client has not answered for five seconds"
    )
    func loginAndOthers() {
        let (pool, id) = loggingIn {
            $0.maxConnections = 1
            $0.idleTimeout = .fixed(.seconds(300))
            $0.queueTimeout = .seconds(60)
        }
        #expect(pool.shedIdle(1) == [])
        pool.lease(2, client: 2)
        #expect(pool.pass(.milliseconds(4_999)) == [])
        #expect(pool.pass(.milliseconds(1)) == [.close(id, .poolShrink)])
    }

    @Test("a changed policy ends a login under way at once, also one that a drain had let go on")
    func loginAndPolicy() {
        let (pool, id) = loggingIn()
        #expect(pool.drain(.settingsChanged) == [.close(id, .settingsChanged)])
        let (drained, _) = loggingIn()
        #expect(drained.drain(.drained) == [])
        #expect(drained.drain(.settingsChanged) == [.close(id, .drained)])
    }
}
