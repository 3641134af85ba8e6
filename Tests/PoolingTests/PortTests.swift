import Pooling
import ProxyTypes
import TestSupport
import Testing

/// Local ports run short: requests wait for connections that there are, rather than take the last ports.
@Suite("Local ports run short")
struct PortTests {
    @Test("requests wait for the connection that there is, and get it")
    func waits() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        #expect(pool.apply(.few(dials: 5)).isEmpty)
        #expect(pool.lease(2).isEmpty)
        #expect(pool.lease(3).isEmpty)
        #expect(pool.release(connection(0)) == [.grant(waiter(2), connection(0), reused: true)])
        #expect(pool.apply(.ample) == [.dial(connection(1), .demand)])
    }

    @Test("a pool without a connection dials one, not one for each request")
    func dialsOne() {
        let pool = PoolFixture()
        pool.apply(.few(dials: 5))
        #expect(pool.lease(1) == [.dial(connection(0), .demand)])
        #expect(pool.lease(2).isEmpty)
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
        #expect(pool.release(connection(0)) == [.grant(waiter(2), connection(0), reused: true)])
    }

    @Test("without any port left it dials none, and says why it refuses", arguments: [0, 3])
    func refuses(queue: Int) {
        let pool = PoolFixture { $0.maxQueue = queue }
        pool.apply(.few(dials: 0))
        guard queue > 0 else {
            #expect(pool.lease(1) == [.refuse(waiter(1), .portsShort)])
            return
        }
        #expect(pool.lease(1).isEmpty)
        pool.time.advance(by: pool.policy.queueTimeout)
        #expect(pool.deadlineReached() == [.refuse(waiter(1), .portsShort)])
    }

    @Test("a request that max_connections keeps waiting is not refused for want of ports")
    func otherLimit() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.maxQueue = 0
        }
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.apply(.few(dials: 0))
        #expect(pool.lease(2) == [.refuse(waiter(2), .queueFull)])
    }

    @Test("min_idle waits until ports are ample")
    func noWarmUp() {
        let pool = PoolFixture { $0.minIdle = 2 }
        pool.apply(.few(dials: 5))
        #expect(pool.lease(1) == [.dial(connection(0), .demand)])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
        #expect(pool.apply(.ample) == [.dial(connection(1), .warmUp), .dial(connection(2), .warmUp)])
    }

    @Test("a retry, which no used connection can serve, is dialled for")
    func retries() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.apply(.few(dials: 1))
        #expect(pool.lease(2, fresh: true) == [.dial(connection(1), .replacement)])
        #expect(pool.lease(3, fresh: true).isEmpty)
    }

    @Test("a retry for which there is no port closes no connection: that would make no room")
    func retryClosesNone() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.release(connection(0))
        pool.apply(.few(dials: 0))
        #expect(pool.lease(2, fresh: true).isEmpty)
        #expect(pool.apply(.ample) == [.close(connection(0), .poolShrink)])
    }

    @Test("a connection that leaves no TIME_WAIT gives its port to the next dial")
    func returned() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.apply(.few(dials: 0))
        pool.lease(2)
        #expect(
            pool.release(connection(0), .mustClose(.originConnectionClose)) == [
                .close(connection(0), .originConnectionClose)
            ])
        #expect(pool.closed(connection(0), portIsFree: true) == [.dial(connection(0, 1), .demand)])
    }

    @Test("one that stays in TIME_WAIT does not")
    func notReturned() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.apply(.few(dials: 0))
        pool.lease(2)
        pool.release(connection(0), .mustClose(.originConnectionClose))
        #expect(pool.closed(connection(0)).isEmpty)
    }

    @Test("a dial that finds no port refuses nobody: its request waits, and one dial at a time is tried")
    func noPort() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.lease(2)
        #expect(pool.dialFoundNoPort(connection(0)).isEmpty)
        #expect(pool.dialFoundNoPort(connection(1)).isEmpty)
        #expect(pool.dialFailures == 0)
        #expect(pool.untilDeadline <= .milliseconds(60))
        pool.time.advance(by: .milliseconds(60))
        #expect(pool.deadlineReached() == [.dial(connection(1, 1), .demand)])
        #expect(
            pool.dialSucceeded(connection(1, 1)) == [
                .grant(waiter(1), connection(1, 1), reused: false), .dial(connection(0, 1), .demand),
            ])
    }

    @Test("until then a connection that is released serves it")
    func reuses() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.lease(2)
        pool.dialFoundNoPort(connection(1))
        #expect(pool.release(connection(0)) == [.grant(waiter(2), connection(0), reused: true)])
    }

    @Test("after the queue's time the refusal names ports")
    func noPortForLong() {
        let pool = PoolFixture { $0.queueTimeout = .milliseconds(40) }
        pool.lease(1)
        pool.dialFoundNoPort(connection(0))
        pool.time.advance(by: .milliseconds(40))
        #expect(pool.deadlineReached().last == .refuse(waiter(1), .portsShort))
    }

    @Test("a CONNECT whose dial finds no port waits again, for no longer than it might before")
    func tunnels() {
        let pool = PoolFixture { $0.queueTimeout = .milliseconds(100) }
        pool.openTunnel(1)
        #expect(pool.dialFoundNoPort(connection(0)).isEmpty)
        #expect(pool.counts.waitingTunnels == 1)
        pool.time.advance(by: .milliseconds(60))
        #expect(pool.deadlineReached() == [.dialTunnel(connection(0, 1), waiter(1))])
        #expect(pool.dialFoundNoPort(connection(0, 1)).isEmpty)
        pool.time.advance(by: .milliseconds(40))
        #expect(pool.deadlineReached() == [.refuse(waiter(1), .portsShort)])
    }

    @Test("few ports are taken by CONNECTs one by one")
    func tunnelsTakePorts() {
        let pool = PoolFixture()
        pool.apply(.few(dials: 1))
        #expect(pool.openTunnel(1) == [.dialTunnel(connection(0), waiter(1))])
        #expect(pool.openTunnel(2).isEmpty)
        #expect(pool.apply(.few(dials: 1)) == [.dialTunnel(connection(1), waiter(2))])
    }

    @Test("a pool that ports keep from dialling claims no room of others")
    func claimsNothing() {
        let pool = PoolFixture(total: 0)
        pool.apply(.few(dials: 0))
        pool.lease(1)
        pool.openTunnel(2)
        #expect(pool.totalRoomWanted == 0)
        pool.apply(.few(dials: 1))
        #expect(pool.totalRoomWanted == 2)
    }
}
