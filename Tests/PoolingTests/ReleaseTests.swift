import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("A lease ends")
struct ReleaseTests {
    @Test("a reusable connection becomes idle")
    func reusable() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        #expect(pool.state(id) == .idle)
        #expect(pool.counts.idle == 1 && pool.counts.leased == 0)
    }

    @Test("one that must close is closed with its reason and counts until its socket is gone")
    func mustClose() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        pool.lease(2)
        #expect(pool.release(id, .mustClose(.framingError)) == [.close(id, .framingError)])
        #expect(pool.counts.closing == 1 && pool.origin.taken == 1)
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
        #expect(pool.origin.taken == 1 && pool.total.taken == 1)
    }

    @Test("after max_requests_per_connection it is closed")
    func maxRequests() {
        let pool = PoolFixture { $0.maxRequestsPerConnection = 2 }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(pool.release(id) == [.close(id, .maxRequests)])
    }

    @Test("max=M of the origin allows M more requests")
    func hintMax() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1, hint: KeepAliveHint(max: 2))[0]
        #expect(pool.lease(1) == [.grant(waiter(1), id, reused: true)])
        pool.release(id)
        #expect(pool.lease(2) == [.grant(waiter(2), id, reused: true)])
        #expect(pool.release(id) == [.close(id, .keepAliveHint)])
    }

    @Test("a later max replaces an earlier one")
    func hintMaxReplaced() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1, hint: KeepAliveHint(max: 1))[0]
        pool.lease(1)
        #expect(pool.release(id, .reusable(KeepAliveHint(max: 1), window: .unknown)) == [])
        #expect(pool.counts.idle == 1)
    }

    @Test(
        "a hint that leaves no time, or no request, closes at once",
        arguments: [
            KeepAliveHint(timeout: .seconds(1)), KeepAliveHint(timeout: .zero), KeepAliveHint(max: 0),
            KeepAliveHint(timeout: .seconds(60), max: 0),
        ])
    func hintLeavesNothing(hint: KeepAliveHint) {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        let actions = pool.release(connection(0), .reusable(hint, window: .unknown))
        #expect(actions == [.close(connection(0), .keepAliveHint)])
    }

    @Test("over max_idle the longest idle is closed")
    func maxIdle() {
        let pool = PoolFixture { $0.maxIdle = 2 }
        let ids = (0..<3).map { connection(UInt32($0)) }
        for number in 0..<3 { pool.lease(UInt32(number)) }
        for id in ids { pool.dialSucceeded(id) }
        #expect(pool.release(ids[0]) == [])
        #expect(pool.release(ids[1]) == [])
        #expect(pool.release(ids[2]) == [.close(ids[0], .poolShrink)])
    }

    @Test("over max_lifetime it is closed when its lease ends")
    func maxLifetime() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(pool.pass(.minutes(15)) == [])
        #expect(pool.release(id) == [.close(id, .maxLifetime)])
    }

    @Test("lifetimes are jittered by up to the given share, and differ")
    func lifetimeJitter() {
        let pool = PoolFixture {
            $0.maxLifetime = .seconds(100)
            $0.lifetimeJitterPercent = 10
            $0.idleTimeout = .fixed(.hours(1))
        }
        let opened = pool.time.now
        var ids = pool.becomeIdle(20)
        var ends: [Instant] = []
        while !ids.isEmpty {
            pool.time.advance(to: pool.nextDeadline)
            for case .close(let id, let reason) in pool.deadlineReached() {
                #expect(reason == .maxLifetime)
                ids.removeAll { $0 == id }
                ends.append(pool.time.now)
            }
        }
        #expect(ends.allSatisfy { $0 - opened >= .seconds(90) && $0 - opened <= .seconds(110) })
        #expect(Set(ends).count > 15)
    }

    @Test("an idle connection that the origin closes is removed at once")
    func finOnIdle() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(2)
        #expect(pool.closed(ids[1]) == [])
        #expect(pool.lease(1) == [.grant(waiter(1), ids[0], reused: true)])
    }

    @Test("one that the driver closes itself is not granted, and counts until it is gone")
    func noteClosing() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        #expect(pool.noteClosing(id) == [])
        #expect(pool.lease(1) == [])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("a socket that closes while leased ends its lease; the late release changes nothing")
    func diesWhileLeased() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(pool.closed(id) == [])
        #expect(pool.isEmpty)
        #expect(pool.release(id) == [])
    }

    @Test("a release after the driver began to close it changes nothing")
    func releaseWhileClosing() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        pool.noteClosing(id)
        #expect(pool.release(id) == [])
        #expect(pool.counts.closing == 1)
        pool.closed(id)
        #expect(pool.isEmpty)
    }

    @Test("its slot is used again under another generation")
    func generations() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.closed(id)
        #expect(pool.lease(1) == [.dial(connection(id.slot, id.generation + 1))])
    }

    @Test("the release of one that is not leased is our bug, and traps in debug builds")
    func doubleRelease() async {
        await #expect(processExitsWith: .failure) {
            let pool = PoolFixture()
            let id = pool.becomeIdle(1)[0]
            pool.release(id)
        }
    }
}
