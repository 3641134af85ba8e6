import Pooling
import ProxyTypes
import TestSupport
import Testing

/// What Linux does to the congestion window of an idle sender (`tcp_cwnd_restart`).
@Suite("A congestion window after idleness")
struct SendWindowTests {
    private func effective(_ segments: UInt32, idle: Int64, timeout: Int64 = 250, slowStart: Bool = true) -> UInt32 {
        SendWindow.effective(
            segments, idle: .milliseconds(idle), timeout: .milliseconds(timeout), slowStartAfterIdle: slowStart)
    }

    @Test(
        "is halved for each time-out that has passed, but for the first",
        arguments: [
            (0, 160), (250, 160), (251, 80), (500, 80), (501, 40), (750, 40), (751, 20), (1001, 10),
        ] as [(Int64, UInt32)])
    func halved(idle: Int64, expected: UInt32) {
        #expect(effective(160, idle: idle) == expected)
    }

    @Test("never falls below the initial window, and one that was smaller stays as it is")
    func floor() {
        #expect(effective(160, idle: 3_600_000) == SendWindow.initial)
        #expect(effective(11, idle: 251) == 10 && effective(10, idle: 9999) == 10 && effective(2, idle: 9999) == 2)
    }

    @Test("stays where tcp_slow_start_after_idle is off, and where the time-out is not known")
    func kept() {
        #expect(effective(160, idle: 9999, slowStart: false) == 160)
        #expect(effective(160, idle: 9999, timeout: 0) == 160)
        #expect(SendWindow(segments: 160).after(.hours(1)) == 160 && SendWindow.unknown.after(.hours(1)) == 0)
    }

    @Test("counts the silence before the connection was idle")
    func silence() {
        let window = SendWindow(segments: 160, timeout: 250, silence: 200)
        #expect(window.after(.milliseconds(50)) == 160 && window.after(.milliseconds(51)) == 80)
    }

    @Test(
        "decides how many round trips so many segments take",
        arguments: [
            // Doubling: 10, 30, 70, 150, 310, 630, 1270.
            (725, 10, UInt32.max, 7), (630, 10, .max, 6), (10, 10, .max, 1), (11, 10, .max, 2), (0, 10, .max, 0),
            // Doubling up to 40, and then 40 at a time: 10, 30, 70, 110, 150.
            (150, 10, 40, 5), (151, 10, 40, 6),
            // At or above what it grows to: as many at a time.
            (725, 310, 310, 3), (620, 310, 10, 2), (5, 0, 0, 5),
        ] as [(Int, UInt32, UInt32, Int)])
    func roundTrips(segments: Int, window: UInt32, ceiling: UInt32, expected: Int) {
        #expect(SendWindow.roundTrips(for: segments, from: window, ceiling: ceiling) == expected)
    }

    // MARK: Which connection is granted

    @Test("widest goes by the window that is left, and tells which lifo would have granted")
    func widest() {
        let pool = PoolFixture { $0.reuseOrder = .widest }
        let ids = (0..<3).map { connection(UInt32($0)) }
        for number in 0..<3 { pool.lease(UInt32(number)) }
        for id in ids { pool.dialSucceeded(id) }
        pool.release(ids[0], .reusable(nil, window: SendWindow(segments: 200, timeout: 250)))
        pool.time.advance(by: .milliseconds(1500))
        pool.release(ids[1], .reusable(nil, window: SendWindow(segments: 100, timeout: 250)))
        pool.release(ids[2], .reusable(nil, window: SendWindow(segments: 30, timeout: 250)))
        // The widest one has been idle for six time-outs.
        #expect(pool.lease(10) == [.grant(waiter(10), ids[1], reused: true)])
        #expect(pool.windowPassedOver(ids[1]) == 30 && pool.windowPassedOver(ids[2]) == nil)
        pool.time.advance(by: .seconds(1))
        // All are at the initial window by now: the last used goes first.
        #expect(pool.leaseIdle() == ids[2])
        #expect(pool.windowPassedOver(ids[2]) == 10 && pool.windowPassedOver(ids[1]) == nil)
    }

    @Test("what was passed over is told of the lease that was granted, and of no later one")
    func passedOver() {
        let pool = PoolFixture { $0.reuseOrder = .widest }
        let ids = pool.becomeIdle(2)
        _ = pool.leaseIdle()
        #expect(pool.windowPassedOver(ids[1]) == 0)
        pool.lease(1)
        pool.lease(2)
        // It serves a waiting request, which nothing was chosen for.
        #expect(pool.release(ids[1]) == [.grant(waiter(2), ids[1], reused: true)])
        #expect(pool.windowPassedOver(ids[1]) == nil)
    }
}
