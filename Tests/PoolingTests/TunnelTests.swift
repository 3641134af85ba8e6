import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("CONNECT opens tunnels")
struct TunnelTests {
    @Test("each CONNECT is dialled for at once, and granted its own connection")
    func opens() {
        let pool = PoolFixture()
        #expect(pool.openTunnel(1) == [.dialTunnel(connection(0), waiter(1))])
        #expect(pool.openTunnel(2) == [.dialTunnel(connection(1), waiter(2))])
        #expect(pool.dialSucceeded(connection(1)) == [.grant(waiter(2), connection(1), reused: false)])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
        #expect(pool.counts.tunnels == 2 && pool.counts.connections == 0)
        #expect(pool.state(connection(0)) == .tunnel)
        #expect(pool.origin.taken == 0 && pool.total.taken == 2)
        #expect(pool.closed(connection(0)) == [])
        #expect(pool.closed(connection(1)) == [])
        #expect(pool.isEmpty && pool.total.taken == 0)
    }

    @Test("a tunnel never serves a request, and an idle connection no CONNECT")
    func neverPooled() {
        let pool = PoolFixture()
        let idle = pool.becomeIdle(1)
        #expect(pool.openTunnel(1) == [.dialTunnel(connection(1), waiter(1))])
        pool.dialSucceeded(connection(1))
        #expect(pool.lease(2) == [.grant(waiter(2), idle[0], reused: true)])
        #expect(pool.lease(3) == [.dial(connection(2))])
    }

    @Test("max_tunnels counts those open, those being dialled and those that wait; one more is refused at once")
    func limit() {
        let pool = PoolFixture(total: 2) { $0.maxTunnels = 3 }
        for number in 1...3 { pool.openTunnel(UInt32(number)) }
        pool.dialSucceeded(connection(0))
        #expect(pool.counts.tunnels == 1 && pool.counts.tunnelDials == 1 && pool.counts.waitingTunnels == 1)
        #expect(pool.openTunnel(4) == [.refuse(waiter(4), .tunnelLimit)])
        pool.cancel(3)
        #expect(pool.openTunnel(5) == [])
        let none = PoolFixture { $0.maxTunnels = 0 }
        #expect(none.openTunnel(1) == [.refuse(waiter(1), .tunnelLimit)])
    }

    @Test("max_connections does not bound tunnels, and tunnels take nothing from it")
    func besideTheOriginsLimit() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        #expect(pool.openTunnel(2) == [.dialTunnel(connection(1), waiter(2))])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
    }

    @Test("where the total is used up a CONNECT waits for room, within queue_timeout")
    func waitsForTheTotal() {
        let pool = PoolFixture(total: 1)
        pool.openTunnel(1)
        pool.dialSucceeded(connection(0))
        #expect(pool.openTunnel(2) == [])
        #expect(pool.totalRoomWanted == 1)
        #expect(pool.openTunnel(3) == [])
        #expect(pool.totalRoomWanted == 2)
        #expect(pool.closed(connection(0)) == [.dialTunnel(connection(0, 1), waiter(2))])
        #expect(pool.totalRoomWanted == 1)
        #expect(pool.untilDeadline == .seconds(5))
        #expect(pool.pass(.seconds(5)) == [.refuse(waiter(3), .connectionLimit)])
        #expect(pool.nextDeadline == .distantFuture, "a dial has connect_timeout, not queue_timeout")
    }

    @Test("max_queue bounds the CONNECTs that wait, and queue_timeout 0 lets none wait")
    func queueBounds() {
        let pool = PoolFixture(total: 1) { $0.maxQueue = 1 }
        pool.openTunnel(1)
        #expect(pool.openTunnel(2) == [])
        #expect(pool.openTunnel(3) == [.refuse(waiter(3), .connectionLimit)])
        let impatient = PoolFixture(total: 1) { $0.queueTimeout = .zero }
        impatient.openTunnel(1)
        #expect(impatient.openTunnel(2) == [.refuse(waiter(2), .connectionLimit)])
    }

    @Test("clients that wait for room take turns")
    func fair() {
        let pool = PoolFixture(total: 1)
        pool.openTunnel(1)
        for number in 2...4 { pool.openTunnel(UInt32(number), client: 1) }
        pool.openTunnel(5, client: 2)
        #expect(
            pool.dialFailed(connection(0)) == [
                .refuse(waiter(1), .dialFailing), .dialTunnel(connection(0, 1), waiter(2)),
            ])
        #expect(pool.dialFailed(connection(0, 1)).last == .dialTunnel(connection(0, 2), waiter(5)))
        #expect(pool.dialFailed(connection(0, 2)).last == .dialTunnel(connection(0, 3), waiter(3)))
    }

    @Test("between requests and CONNECTs, those that wait longest get the room that comes free")
    func fairBetweenKinds() {
        let pool = PoolFixture(total: 1)
        pool.openTunnel(1)
        pool.lease(2)
        pool.time.advance(by: .milliseconds(1))
        pool.openTunnel(3)
        pool.time.advance(by: .milliseconds(1))
        pool.lease(4)
        #expect(pool.dialFailed(connection(0)) == [.refuse(waiter(1), .dialFailing), .dial(connection(0, 1))])
        pool.dialSucceeded(connection(0, 1))
        #expect(pool.release(connection(0, 1), .mustClose(.drained)) == [.close(connection(0, 1), .drained)])
        #expect(pool.closed(connection(0, 1)) == [.dialTunnel(connection(0, 2), waiter(3))])
    }

    @Test("a request that must not dial yet does not hold up a CONNECT")
    func notHeldUp() {
        let pool = PoolFixture(total: 2) { $0.maxConnections = 1 }
        pool.lease(1)
        pool.openTunnel(2)
        pool.lease(3)
        pool.time.advance(by: .milliseconds(1))
        pool.openTunnel(4)
        #expect(
            pool.dialFailed(connection(1)) == [
                .refuse(waiter(2), .dialFailing), .dialTunnel(connection(1, 1), waiter(4)),
            ])
    }

    @Test("a failed dial answers its CONNECT alone, and delays no other dial")
    func dialFails() {
        let pool = PoolFixture()
        pool.openTunnel(1)
        pool.openTunnel(2)
        pool.lease(3)
        #expect(pool.dialFailed(connection(0)) == [.refuse(waiter(1), .dialFailing)])
        #expect(pool.dialFailures == 0)
        #expect(pool.openTunnel(4) == [.dialTunnel(connection(0, 1), waiter(4))])
        #expect(pool.lease(5) == [.dial(connection(3))])
        #expect(pool.counts.waiting == 2 && pool.counts.tunnelDials == 2)
    }

    @Test("while the origin's dials back off, a CONNECT is dialled for all the same")
    func besideBackoff() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialFailed(connection(0))
        #expect(pool.openTunnel(2) == [.dialTunnel(connection(0, 1), waiter(2))])
        pool.dialSucceeded(connection(0, 1))
        #expect(pool.dialFailures == 1)
    }

    @Test("a client that leaves ends the dial for it, whose room serves the next")
    func cancelled() {
        let pool = PoolFixture(total: 1)
        pool.openTunnel(1)
        pool.openTunnel(2)
        #expect(pool.cancel(1) == [.cancelDial(connection(0)), .dialTunnel(connection(0, 1), waiter(2))])
        #expect(pool.dialSucceeded(connection(0)) == [], "it crossed with the order to cancel it")
        #expect(pool.dialSucceeded(connection(0, 1)) == [.grant(waiter(2), connection(0, 1), reused: false)])
        #expect(pool.cancel(2) == [], "it has been answered")
        pool.openTunnel(3)
        #expect(pool.cancel(3) == [])
        #expect(pool.nextDeadline == .distantFuture && pool.totalRoomWanted == 0)
    }

    @Test("a drain, an order to close and idle deadlines leave tunnels alone")
    func leftAlone() {
        let pool = PoolFixture()
        pool.openTunnel(1)
        pool.openTunnel(2)
        pool.dialSucceeded(connection(0))
        #expect(pool.drain(.drained) == [] && pool.affected == 0)
        #expect(pool.close(connection(0)) == [])
        #expect(pool.noteClosing(connection(1)) == [])
        #expect(pool.shedIdle(9) == [])
        #expect(pool.apply { $0.maxTunnels = 0 } == [])
        #expect(pool.pass(.hours(1)) == [])
        #expect(pool.dialSucceeded(connection(1)) == [.grant(waiter(2), connection(1), reused: false)])
        #expect(pool.counts.tunnels == 2)
    }

    @Test("a pause holds back later CONNECTs, and none that is dialled for already")
    func paused() {
        let pool = PoolFixture()
        pool.openTunnel(1)
        pool.pause()
        #expect(pool.openTunnel(2) == [])
        #expect(pool.totalRoomWanted == 0)
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
        pool.time.advance(by: .seconds(1))
        #expect(pool.openTunnel(3) == [])
        #expect(pool.pass(.seconds(4)) == [.refuse(waiter(2), .paused)])
        #expect(pool.resume() == [.dialTunnel(connection(1), waiter(3))])
    }

    @Test("after shutdown CONNECTs are refused, and tunnels go on until they end")
    func shutdown() {
        let pool = PoolFixture(total: 1)
        pool.openTunnel(1)
        pool.openTunnel(2)
        #expect(pool.shutdown() == [.refuse(waiter(2), .draining)])
        #expect(pool.openTunnel(3) == [.refuse(waiter(3), .draining)])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
        #expect(!pool.isEmpty)
        pool.closed(connection(0))
        #expect(pool.isEmpty)
    }
}
