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
        book.expire(now: AdviceBook.memory)
        #expect(book.records[id] != nil)
        book.expire(now: AdviceBook.memory + 1)
        #expect(book.records[id] == nil)
    }

    @Test("one trial at a time for an origin; what is on trial or has ended cannot be accepted")
    func oneTrial() throws {
        var book = book()
        let other = AdviceID(rule: .idleTimeoutLong, origin: origin)
        let long = try #require(AdviceRule.idleTimeoutLong.advice(on: MadeFacts.facts(for: .idleTimeoutLong)))
        _ = book.look(at: origin, found: [advice, long], isWhole: true, now: 2)
        #expect(book.next(of: origin) == other || book.next(of: origin) == id)
        book.began(id, RunningTrial(accepted: decision(), before: Sample()))
        #expect(book.next(of: origin) == nil)
        #expect(throws: AdviceBook.Refusal.anotherTrial(id)) { try book.acceptance(of: other) }
        #expect(throws: AdviceBook.Refusal.isOnTrial) { try book.acceptance(of: id) }
        #expect(throws: AdviceBook.Refusal.isOnTrial) { try book.dismiss(id, decision()) }
        book.ended(id, TrialOutcome(accepted: decision(), finding: .confirmed(after: 0.1), time: 3))
        #expect(book.records[id]?.state.name == "confirmed" && book.next(of: origin) == other)
        #expect(throws: AdviceBook.Refusal.hasEnded) { try book.acceptance(of: id) }
    }

    @Test("advice that was tried in vain is not given again for a week")
    func quiet() {
        var book = ended(.reverted(.noEffect(after: 1)), at: Self.day)
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 7 * Self.day).isEmpty)
        #expect(book.look(at: origin, found: [advice], isWhole: true, now: 8 * Self.day).map(\.id) == [id])
    }

    @Test("advice of another value is new")
    func anotherValue() throws {
        var facts = MadeFacts.facts(for: .maxRequestsLow)
        facts.learned = LearnedFacts(limit: nil, retire: .seconds(4), isSettled: false, maxRequests: 100)
        let other = try #require(AdviceRule.maxRequestsLow.advice(on: facts))
        var book = ended(.reverted(.noEffect(after: 1)), at: Self.day)
        #expect(book.look(at: origin, found: [other], isWhole: true, now: 2 * Self.day).map(\.id) == [id])
    }

    @Test("advice for people cannot be accepted, only dismissed")
    func people() throws {
        let closing = AdviceID(rule: .originEndsConnections, origin: origin)
        let facts = MadeFacts.facts(for: .originEndsConnections)
        var book = AdviceBook()
        _ = book.look(at: origin, found: AdviceRule.advice(on: facts), isWhole: true, now: 1)
        #expect(book.next(of: origin) == nil)
        #expect(throws: AdviceBook.Refusal.self) { try book.acceptance(of: closing) }
        try book.dismiss(closing, decision())
        #expect(throws: AdviceBook.Refusal.unknown) { try book.dismiss(id, decision()) }
    }

    @Test("what is not safe is never tried without asking")
    func unsafe() throws {
        var book = AdviceBook()
        let facts = MadeFacts.facts(for: .keepWarm)
        _ = book.look(at: origin, found: AdviceRule.advice(on: facts), isWhole: true, now: 1)
        #expect(book.waiting == 1 && book.next(of: origin) == nil)
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

    @Test("an identifier is its text, and other texts are none")
    func identifiers() {
        #expect(id.description == "max_requests_low@http://example.com" && AdviceID(id.description) == id)
        for text in ["", "max_requests_low", "no_rule@http://example.com", "max_requests_low@example", "@"] {
            #expect(AdviceID(text) == nil)
        }
    }
}
