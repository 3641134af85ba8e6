import Advising
import ProxyTypes
import Testing

@Suite struct AdviceBookTests {
    private let origin: Origin
    private let id: AdviceID
    private let advice: Advice
    private static let day: Int64 = 86_400_000

    init() throws {
        origin = try #require(Origin("http://example.com"))
        id = AdviceID(rule: .maxRequestsLow, origin: origin)
        advice = try #require(AdviceRule.maxRequestsLow.advice(on: MadeFacts.facts(for: .maxRequestsLow)))
    }

    private func decision(_ time: Int64 = 1) -> AdviceDecision {
        AdviceDecision(actor: "uid:0", reason: nil, time: time)
    }

    private func book() -> AdviceBook {
        var book = AdviceBook()
        _ = book.look(at: origin, found: [advice], isWhole: true, now: 1)
        return book
    }

    private func next(_ book: AdviceBook, _ found: Set<AdviceRule> = Set(AdviceRule.allCases)) -> AdviceID? {
        book.next(of: origin, found: found, isSetByHand: { _ in false })
    }

    private func ended(_ finding: TrialOutcome.Finding, at time: Int64) -> AdviceBook {
        var book = book()
        book.began(id, RunningTrial(accepted: decision(), before: Sample()))
        book.ended(id, TrialOutcome(accepted: decision(), finding: finding, time: time))
        return book
    }

    @Test("advice is new once, and withdrawn where its rule no longer applies to a whole stretch")
    func withdrawn() {
        var book = book()
        #expect(book.waiting == 1 && book.takeChanges().puts.map(\.id) == [id])
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 2).isEmpty)
        #expect(book.takeChanges().puts.isEmpty)
        #expect(book.look(at: origin, found: [], isWhole: false, now: 3).isEmpty && book.waiting == 1)
        #expect(book.look(at: origin, found: [], isWhole: true, now: 4).isEmpty && book.waiting == 0)
        #expect(book.takeChanges().removals == [id])
    }

    @Test("only advice that waits has the lower bar")
    func given() throws {
        var book = book()
        #expect(book.given(origin) == [.maxRequestsLow])
        try book.dismiss(id, decision())
        #expect(book.given(origin).isEmpty)
    }

    @Test("dismissed advice is not given again, but can be accepted after all")
    func dismissed() throws {
        var book = book()
        try book.dismiss(id, decision())
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 2).isEmpty)
        #expect(book.look(at: origin, found: [], isWhole: true, now: 3).isEmpty)
        #expect(book.waiting == 0 && book.records[id]?.state.name == "dismissed")
        #expect(try book.acceptance(of: id).value == "1000")
        book.expire(now: .max)
        book.withdraw(from: origin)
        #expect(book.records[id]?.state.name == "dismissed")
        book.forget(origin)
        #expect(book.records[id] == nil)
    }

    @Test("outcomes are kept for ninety days, also of origins that are gone")
    func outcomes() {
        var book = ended(.reverted(.noEffect(after: 1)), at: 1)
        book.withdraw(from: origin)
        book.expire(now: AdviceBook.memory)
        #expect(book.records[id] != nil)
        book.expire(now: AdviceBook.memory + 1)
        #expect(book.records[id] == nil)
    }

    @Test("only what the last look found is tried without asking, and nothing that somebody has set")
    func unasked() throws {
        var book = book()
        #expect(next(book, [.maxRequestsLow]) == id)
        #expect(next(book, []) == nil && next(book, [.idleTimeoutLong]) == nil)
        func isSet(_ setting: String) -> Bool { setting == "max_requests_per_connection" }
        #expect(book.next(of: origin, found: [.maxRequestsLow], isSetByHand: isSet) == nil)
        // What somebody has set does not stand in the way of others.
        let long = try #require(AdviceRule.idleTimeoutLong.advice(on: MadeFacts.facts(for: .idleTimeoutLong)))
        _ = book.look(at: origin, found: [advice, long], isWhole: false, now: 2)
        let both: Set<AdviceRule> = [.maxRequestsLow, .idleTimeoutLong]
        #expect(book.next(of: origin, found: both, isSetByHand: isSet)?.rule == .idleTimeoutLong)
    }

    @Test("where other settings are in force, what waited is withdrawn")
    func otherSettings() {
        var book = book()
        _ = book.takeChanges()
        book.withdraw(from: origin)
        #expect(book.waiting == 0 && book.takeChanges().removals == [id])
    }

    @Test("one trial at a time for an origin; what is on trial or has ended cannot be accepted")
    func oneTrial() throws {
        var book = book()
        let other = AdviceID(rule: .idleTimeoutLong, origin: origin)
        let long = try #require(AdviceRule.idleTimeoutLong.advice(on: MadeFacts.facts(for: .idleTimeoutLong)))
        _ = book.look(at: origin, found: [advice, long], isWhole: true, now: 2)
        #expect(next(book) == other || next(book) == id)
        book.began(id, RunningTrial(accepted: decision(), before: Sample()))
        #expect(next(book) == nil)
        #expect(throws: AdviceBook.Refusal.anotherTrial(id)) { try book.acceptance(of: other) }
        #expect(throws: AdviceBook.Refusal.isOnTrial) { try book.acceptance(of: id) }
        #expect(throws: AdviceBook.Refusal.isOnTrial) { try book.dismiss(id, decision()) }
        book.ended(id, TrialOutcome(accepted: decision(), finding: .confirmed(after: 0.1), time: 3))
        #expect(book.records[id]?.state.name == "confirmed" && next(book) == other)
        #expect(throws: AdviceBook.Refusal.hasEnded) { try book.acceptance(of: id) }
    }

    @Test("advice that was tried in vain is not given again for a week")
    func quiet() {
        var book = ended(.reverted(.noEffect(after: 1)), at: Self.day)
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 7 * Self.day).isEmpty)
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 8 * Self.day).map(\.id) == [id])
    }

    private func otherValue() throws -> Advice {
        var facts = MadeFacts.facts(for: .maxRequestsLow)
        facts.learned = LearnedFacts(limit: nil, retire: .seconds(4), isSettled: false, maxRequests: 100)
        return try #require(AdviceRule.maxRequestsLow.advice(on: facts))
    }

    @Test("advice of another value is new after a success")
    func anotherValue() throws {
        var book = ended(.confirmed(after: 0.1), at: Self.day)
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 2 * Self.day).isEmpty)
        #expect(book.look(at: origin, found: [try otherValue()], isWhole: true, now: 2 * Self.day).map(\.id) == [id])
    }

    @Test(
        "after a trial in vain, or one that somebody ended, another value is not advised for a week either",
        arguments: [.reverted(.noEffect(after: 1)), .settledElsewhere(isInForce: false)] as [TrialOutcome.Finding])
    func quietForAllValues(_ finding: TrialOutcome.Finding) throws {
        var book = ended(finding, at: Self.day)
        let other = try otherValue()
        #expect(book.look(at: origin, found: [other], isWhole: true, now: 8 * Self.day - 1).isEmpty)
        #expect(book.look(at: origin, found: [other], isWhole: true, now: 8 * Self.day).map(\.id) == [id])
    }

    @Test("advice for people cannot be accepted, only dismissed")
    func people() throws {
        let closing = AdviceID(rule: .originEndsConnections, origin: origin)
        let facts = MadeFacts.facts(for: .originEndsConnections)
        var book = AdviceBook()
        _ = book.look(at: origin, found: AdviceRule.advice(on: facts), isWhole: true, now: 1)
        #expect(next(book) == nil)
        #expect(throws: AdviceBook.Refusal.self) { try book.acceptance(of: closing) }
        try book.dismiss(closing, decision())
        #expect(throws: AdviceBook.Refusal.unknown) { try book.dismiss(id, decision()) }
    }

    @Test("what is not safe is never tried without asking")
    func unsafe() throws {
        var book = AdviceBook()
        let facts = MadeFacts.facts(for: .keepWarm)
        _ = book.look(at: origin, found: AdviceRule.advice(on: facts), isWhole: true, now: 1)
        #expect(book.waiting == 1 && next(book) == nil)
    }

    @Test("no more than a thousand are kept: the oldest outcome makes room, and what waits does not")
    func bounded() throws {
        var book = ended(.confirmed(after: 0.1), at: 1)
        for number in 1..<AdviceBook.mostRecords + 10 {
            let other = try #require(Origin("http://example.com:\(number)"))
            _ = book.look(at: other, found: [advice], isWhole: true, now: 2)
        }
        #expect(book.records.count == AdviceBook.mostRecords && book.records[id] == nil)
    }

    @Test("where a thousand are dismissed or wait, the oldest dismissal makes room")
    func boundedDismissals() throws {
        var book = book()
        try book.dismiss(id, decision())
        let late = AdviceID(rule: .maxRequestsLow, origin: try #require(Origin("http://example.com:1")))
        // One of them is the first origin again, by its port.
        for number in 1...AdviceBook.mostRecords + 1 {
            let other = try #require(Origin("http://example.com:\(number)"))
            _ = book.look(at: other, found: [advice], isWhole: true, now: 2)
            if number == 1 { try book.dismiss(late, decision(2)) }
        }
        #expect(book.records.count == AdviceBook.mostRecords && book.records[id] == nil && book.records[late] != nil)
    }

    @Test("an identifier is its text, and other texts are none")
    func identifiers() {
        #expect(id.description == "max_requests_low@http://example.com" && AdviceID(id.description) == id)
        for text in ["", "max_requests_low", "no_rule@http://example.com", "max_requests_low@example", "@"] {
            #expect(AdviceID(text) == nil)
        }
    }
}
