import Metering
import Testing

@Suite("Handshakes and slow start")
struct SlowStartTests {
    @Test(
        "a request waited for the last part of the dial of its connection",
        arguments: [
            (100, [20, 50, 30]), (130, [20, 50, 30]), (90, [10, 50, 30]), (60, [0, 30, 30]), (10, [0, 0, 10]),
            (0, [0, 0, 0]),
        ] as [(Int64, [Int64])])
    func waits(queued: Int64, expected: [Int64]) {
        let waits = HandshakeWaits(queued: queued, dns: 20, connect: 50, tls: 30)
        #expect([waits.dns, waits.connect, waits.tls] == expected && waits.all == min(queued, 100))
    }

    @Test("their share is that of the time of all requests")
    func share() {
        var statistics = OriginStatistics()
        #expect(statistics.handshakeShare == nil)
        statistics.totalTime.record(microseconds: 300)
        statistics.totalTime.record(microseconds: 100)
        #expect(statistics.handshakeShare == 0)
        statistics.handshakeWaits = HandshakeWaits(queued: 100, dns: 20, connect: 50, tls: 30)
        #expect(statistics.handshakeShare == 0.25)
    }

    @Test("a collapsed window counts, and costs what it takes in further round trips")
    func cost() {
        var slowStart = SlowStartStatistics()
        slowStart.record(WindowRestart(idle: 300, windowBefore: 11, window: 10, roundTrips: 0, roundTripTime: 50_000))
        #expect(slowStart.collapsed == 1 && slowStart.costly == 0 && slowStart.timeLost == 0)
        slowStart.record(
            WindowRestart(idle: 42_000, windowBefore: 310, window: 10, roundTrips: 3, roundTripTime: 50_000))
        #expect(slowStart.collapsed == 2 && slowStart.costly == 1)
        #expect(slowStart.roundTripsLost == 3 && slowStart.timeLost == 150_000)
    }

    @Test("an origin's window is told to collapse where answers begin with less than half after idleness")
    func answers() {
        func trips(_ answers: Int, _ each: Int) -> FirstRoundTrips {
            var trips = FirstRoundTrips()
            (trips.answers, trips.bytes) = (answers, answers * each)
            return trips
        }
        var slowStart = SlowStartStatistics()
        #expect(slowStart.answerRoundTripsLost == nil)
        slowStart.answersKept = trips(5, 160_000)
        slowStart.answersIdle = trips(4, 20_000)
        #expect(slowStart.answerRoundTripsLost == nil)
        slowStart.answersIdle = trips(5, 20_000)
        #expect(slowStart.answerRoundTripsLost == 3)
        slowStart.answersIdle = trips(5, 81_000)
        #expect(slowStart.answerRoundTripsLost == nil)
    }
}
