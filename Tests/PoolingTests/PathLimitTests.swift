import Pooling
import ProxyTypes
import Testing

@Suite("The limit of a path")
struct PathLimitTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private let margin = Interval.seconds(1)

    @Test("a drop limits silence to half of it, and to what was survived where that is more")
    func bounds() {
        var path = PathLimit()
        #expect(path.bound(margin: margin, now: start) == nil)
        path.noteDrop(after: .seconds(300), now: start)
        #expect(path.bound(margin: margin, now: start) == .seconds(150))
        path.noteSurvival(after: .seconds(200))
        #expect(path.bound(margin: margin, now: start) == .seconds(200))
        path.noteSurvival(after: .milliseconds(299_500))
        #expect(path.bound(margin: margin, now: start) == .seconds(299))
        #expect(!path.isConfirmed)
    }

    @Test("a second drop confirms it, and a shorter one lowers it and what counts as survived")
    func lowered() {
        var path = PathLimit()
        path.noteSurvival(after: .seconds(250))
        path.noteDrop(after: .seconds(300), now: start)
        #expect(path.bound(margin: margin, now: start) == .seconds(250))
        path.noteDrop(after: .seconds(120), now: start + .seconds(10))
        #expect(path.isConfirmed)
        #expect(path.bound(margin: margin, now: start + .seconds(10)) == .seconds(60))
        path.noteDrop(after: .seconds(280), now: start + .seconds(20))
        #expect(path.dropped == .seconds(120))
    }

    @Test("it is forgotten after an hour, and a drop after that restores it for twice as long, up to a day")
    func memory() {
        var path = PathLimit()
        var now = start
        for hours in [1, 2, 4, 8, 16, 24, 24] as [Int64] {
            path.noteDrop(after: .seconds(300), now: now)
            let early = now + (.hours(hours) - .seconds(1))
            #expect(path.bound(margin: margin, now: early) != nil)
            let isForgottenEarly = path.forget(now: early)
            now = now + .hours(hours)
            #expect(path.bound(margin: margin, now: now) == nil)
            let isForgotten = path.forget(now: now)
            #expect(!isForgottenEarly && isForgotten && path.state == .forgotten)
        }
    }

    @Test("two connections that survive more refute it, one does not")
    func refuted() {
        var path = PathLimit()
        path.noteDrop(after: .seconds(300), now: start)
        let isForgotten = path.forget(now: start + .hours(1))
        #expect(isForgotten)
        path.noteSurvival(after: .seconds(400))
        #expect(path.state == .forgotten)
        path.noteSurvival(after: .seconds(310))
        #expect(path.state == .open)
        #expect(path.drops == 0)
        // The next one begins anew.
        path.noteDrop(after: .seconds(500), now: start + .hours(3))
        #expect(!path.isConfirmed)
        #expect(path.bound(margin: margin, now: start + .hours(4)) == nil)
    }

    @Test("a drop between two survivals keeps the count of refutations at nothing")
    func refutationsStartAnew() {
        var path = PathLimit()
        path.noteDrop(after: .seconds(300), now: start)
        path.noteSurvival(after: .seconds(400))
        path.noteDrop(after: .seconds(300), now: start)
        path.noteSurvival(after: .seconds(400))
        #expect(path.isLimited)
    }
}
