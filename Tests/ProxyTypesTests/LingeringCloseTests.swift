import ProxyTypes
import Testing

@Suite("A lingering close")
struct LingeringCloseTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private let silence = Interval.seconds(2)
    private let longest = Interval.seconds(30)
    private let maxBytes = 1 << 30

    private func begun() -> LingeringClose {
        var linger = LingeringClose(maxDuration: longest, maxBytes: maxBytes)
        linger.begin(now: start)
        return linger
    }

    @Test("silence ends it, and what arrives postpones that")
    func progress() {
        var linger = begun()
        #expect(linger.deadline(silence: silence) == start + silence)
        for second in 1...20 {
            linger.received(1 << 20, now: start + .seconds(Int64(second)))
            #expect(linger.deadline(silence: silence) == start + .seconds(Int64(second) + 2))
        }
        #expect(!linger.isExhausted)
    }

    @Test("a peer that never stops is not read for ever")
    func longestTime() {
        var linger = begun()
        for second in 1...60 { linger.received(1, now: start + .seconds(Int64(second))) }
        #expect(linger.deadline(silence: silence) == start + longest)
    }

    @Test("with the silence as the bound on time, nothing postpones the end")
    func fixedTime() {
        var linger = LingeringClose(maxDuration: silence, maxBytes: maxBytes)
        linger.begin(now: start)
        linger.received(1, now: start + .seconds(1))
        #expect(linger.deadline(silence: silence) == start + silence)
    }

    @Test("silence is counted from the FIN, not from what was dropped before it")
    func droppedBefore() {
        var linger = LingeringClose(maxDuration: longest, maxBytes: maxBytes)
        linger.received(1, now: start)
        linger.begin(now: start + .seconds(5))
        #expect(linger.deadline(silence: silence) == start + .seconds(7))
    }

    @Test("nor is a peer that sends without end, be it before the FIN could go out")
    func mostBytes() {
        var linger = LingeringClose(maxDuration: longest, maxBytes: maxBytes)
        linger.received(maxBytes / 2, now: start)
        linger.begin(now: start)
        linger.received(maxBytes / 2, now: start)
        #expect(!linger.isExhausted)
        linger.received(1, now: start)
        #expect(linger.isExhausted)
    }

    @Test("a peer that is still sending is active, one that only leaves its connection open is not")
    func active() {
        var linger = begun()
        let moment = Interval.milliseconds(100)
        #expect(!linger.isActive(now: start, within: moment))
        linger.received(5, now: start)
        #expect(linger.isActive(now: start + .milliseconds(99), within: moment))
        #expect(!linger.isActive(now: start + moment, within: moment))
    }
}
