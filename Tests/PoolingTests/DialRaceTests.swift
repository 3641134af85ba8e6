import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("Addresses race (RFC 8305)")
struct DialRaceTests {
    private final class Fixture {
        var race: DialRace
        var time = ManualTime()

        init(_ families: [DialRace.Family]) {
            race = DialRace(families: families, delay: .milliseconds(250))
        }

        private func event(_ event: (inout DialRace, inout [DialRace.Action]) -> Void) -> [DialRace.Action] {
            var actions: [DialRace.Action] = []
            event(&race, &actions)
            return actions
        }

        @discardableResult
        func start() -> [DialRace.Action] { event { $0.start(now: time.now, into: &$1) } }
        @discardableResult
        func fail(_ index: Int) -> [DialRace.Action] {
            event { $0.attemptFailed(index, now: time.now, into: &$1) }
        }
        @discardableResult
        func succeed(_ index: Int) -> [DialRace.Action] {
            event { $0.attemptSucceeded(index, now: time.now, into: &$1) }
        }
        @discardableResult
        func pass(_ milliseconds: Int64) -> [DialRace.Action] {
            time.advance(by: .milliseconds(milliseconds))
            return event { $0.deadlineReached(now: time.now, into: &$1) }
        }
        func abandon() -> [DialRace.Action] { event { $0.abandon(into: &$1) } }
    }

    @Test(
        "families take turns, beginning with the first address's",
        arguments: [
            ([.ipv6, .ipv6, .ipv6, .ipv4], [0, 3, 1, 2]), ([.ipv4, .ipv6, .ipv6], [0, 1, 2]),
            ([.ipv4, .ipv4], [0, 1]), ([.ipv6, .ipv4, .ipv4, .ipv4], [0, 1, 2, 3]), ([], []),
        ] as [([DialRace.Family], [Int])])
    func order(families: [DialRace.Family], expected: [Int]) {
        #expect(DialRace(families: families, delay: .zero).order == expected)
    }

    @Test("the next attempt begins after the delay, not before")
    func delay() {
        let race = Fixture([.ipv6, .ipv4])
        #expect(race.start() == [.attempt(0)])
        #expect(race.race.nextDeadline == race.time.now + .milliseconds(250))
        #expect(race.pass(249) == [])
        #expect(race.pass(1) == [.attempt(1)])
        #expect(race.race.nextDeadline == .distantFuture)
        #expect(race.pass(1000) == [])
    }

    @Test("it begins at once when the last begun fails, and the delay starts again")
    func failure() {
        let race = Fixture([.ipv6, .ipv4, .ipv6])
        race.start()
        race.pass(100)
        #expect(race.fail(0) == [.attempt(1)])
        #expect(race.race.nextDeadline == race.time.now + .milliseconds(250))
    }

    @Test("the failure of an earlier attempt does not start the next one early")
    func earlierFailure() {
        let race = Fixture([.ipv6, .ipv4, .ipv6])
        race.start()
        race.pass(250)
        #expect(race.fail(0) == [])
        #expect(race.pass(250) == [.attempt(2)])
    }

    @Test("the first success wins, the others are cancelled")
    func firstWins() {
        let race = Fixture([.ipv6, .ipv4, .ipv6])
        race.start()
        race.pass(250)
        race.pass(250)
        #expect(race.succeed(1) == [.won(1), .cancel(0), .cancel(2)])
        #expect(race.race.nextDeadline == .distantFuture)
        #expect(race.pass(1000) == [])
    }

    @Test("an attempt that succeeds after the win is cancelled; one that fails after it is ignored")
    func afterTheWin() {
        let race = Fixture([.ipv6, .ipv4])
        race.start()
        race.pass(250)
        race.succeed(1)
        #expect(race.succeed(0) == [.cancel(0)])
        #expect(race.fail(0) == [])
    }

    @Test("when all have failed it reports that, once")
    func allFailed() {
        let race = Fixture([.ipv6, .ipv4])
        race.start()
        race.pass(250)
        #expect(race.fail(1) == [])
        #expect(race.fail(0) == [.allFailed])
        #expect(race.fail(0) == [])
    }

    @Test("without an address it fails at the start")
    func noAddress() {
        #expect(Fixture([]).start() == [.allFailed])
    }

    @Test("an abandoned race cancels what is under way")
    func abandoned() {
        let race = Fixture([.ipv6, .ipv4, .ipv4])
        race.start()
        race.pass(250)
        #expect(race.abandon() == [.cancel(0), .cancel(1)])
        #expect(race.succeed(0) == [.cancel(0)])
        #expect(race.pass(1000) == [])
    }

    @Test(
        "with any order of results one address wins or all fail, and every attempt ends",
        arguments: 0..<200 as Range<UInt64>)
    func anyOrder(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var race = DialRace(
            families: (0..<random.below(6)).map { _ in random.below(2) == 0 ? .ipv4 : .ipv6 }, delay: .milliseconds(250)
        )
        var actions: [DialRace.Action] = []
        var seen = 0
        var underWay: [Int] = []
        var ends = 0
        var time = ManualTime()
        race.start(now: time.now, into: &actions)
        while true {
            for action in actions[seen...] {
                switch action {
                case .attempt(let index): underWay.append(index)
                case .cancel(let index): underWay.removeAll { $0 == index }
                case .won(let index):
                    underWay.removeAll { $0 == index }
                    ends += 1
                case .allFailed: ends += 1
                }
            }
            seen = actions.count
            if underWay.isEmpty { break }
            let index = underWay[random.below(underWay.count)]
            switch random.below(4) {
            case 0: race.attemptSucceeded(index, now: time.now, into: &actions)
            case 1:
                time.advance(by: .milliseconds(250))
                race.deadlineReached(now: time.now, into: &actions)
            default:
                underWay.removeAll { $0 == index }
                race.attemptFailed(index, now: time.now, into: &actions)
            }
        }
        #expect(ends == 1)
        #expect(race.nextDeadline == .distantFuture)
    }
}
