import Pooling
import ProxyTypes
import Testing

@Suite("Guests of a pool")
struct GuestTests {
    /// How many it takes at once.
    private func guests(_ fixture: PoolFixture) -> Int {
        var count = 0
        while fixture.takeForGuest() { count += 1 }
        return count
    }

    @Test("take what is free, and give it to whoever waits when they leave")
    func giveWay() {
        let fixture = PoolFixture { $0.maxConnections = 2 }
        #expect(guests(fixture) == 2 && fixture.hasRoomForGuests)
        #expect(fixture.lease(1).isEmpty)
        #expect(fixture.guestLeft() == [.dial(connection(0))])
        #expect(!fixture.takeForGuest())
        _ = fixture.cancel(1)
    }

    @Test(
        "take no more than half of the room where requests may not wait for it, and have to go when more is taken",
        arguments: [(0, Interval.seconds(5)), (256, .zero), (256, .milliseconds(100))])
    func noQueue(_ maxQueue: Int, _ queueTimeout: Interval) {
        let fixture = PoolFixture {
            $0.maxConnections = 4
            $0.maxQueue = maxQueue
            $0.queueTimeout = queueTimeout
        }
        #expect(guests(fixture) == 2 && fixture.origin.taken == 2 && fixture.total.taken == 2)
        #expect(fixture.lease(1) == [.dial(connection(0))])
        #expect(fixture.lease(2) == [.dial(connection(1))])
        #expect(!fixture.hasRoomForGuests)
        let single = PoolFixture {
            $0.maxConnections = 1
            $0.maxQueue = maxQueue
            $0.queueTimeout = queueTimeout
        }
        #expect(!single.takeForGuest() && single.lease(1) == [.dial(connection(0))])
    }

    @Test("leave half of the room of all origins, too")
    func total() {
        let fixture = PoolFixture(total: 4) { $0.maxQueue = 0 }
        #expect(guests(fixture) == 2)
    }
}
