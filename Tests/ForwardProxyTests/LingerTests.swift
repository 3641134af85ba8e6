import ProxyTypes
import Testing

@testable import ForwardProxy

@Suite("Lingering")
struct LingerTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private let silence = Interval.seconds(2)

    private func begun() -> Linger {
        var linger = Linger()
        linger.begin(now: start)
        return linger
    }

    @Test("silence ends it, and what comes puts that off")
    func progress() {
        var linger = begun()
        #expect(linger.ends(silence: silence) == start + silence)
        for second in 1...20 {
            linger.received(1 << 20, now: start + .seconds(Int64(second)))
            #expect(linger.ends(silence: silence) == start + .seconds(Int64(second) + 2))
        }
        #expect(!linger.isUsedUp)
    }

    @Test("a client that never stops is not read for ever")
    func longest() {
        var linger = begun()
        for second in 1...60 { linger.received(1, now: start + .seconds(Int64(second))) }
        #expect(linger.ends(silence: silence) == start + Linger.longest)
    }

    @Test("nor is one that sends without end, be it before its answer could be written")
    func most() {
        var linger = Linger()
        linger.received(Linger.mostBytes / 2, now: start)
        linger.begin(now: start)
        linger.received(Linger.mostBytes / 2, now: start)
        #expect(!linger.isUsedUp)
        linger.received(1, now: start)
        #expect(linger.isUsedUp)
    }

    @Test("a stop waits for who still sends, not for who only leaves its connection open")
    func active() {
        var linger = begun()
        let moment = Interval.milliseconds(100)
        #expect(!linger.isActive(now: start, within: moment))
        linger.received(5, now: start)
        #expect(linger.isActive(now: start + .milliseconds(99), within: moment))
        #expect(!linger.isActive(now: start + moment, within: moment))
    }
}
