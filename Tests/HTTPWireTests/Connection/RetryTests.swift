import HTTPWire
import ProxyTypes
import Testing

@Suite("When a failed request is sent again")
struct RetryPolicyTests {
    struct Case: Sendable {
        var method = Method.get
        var reused = true
        var sent = true
        var answered = false
        var replayable = true
        var attempts = 1
        var maxRetries = 1
        var budget = true
        var expected = RetryDecision.retryFresh
    }

    static let cases: [Case] = [
        Case(), Case(method: .put), Case(method: .delete), Case(method: .head), Case(method: .options),
        Case(method: .trace),
        Case(method: .post, expected: .surface(.notIdempotent)),
        Case(method: .patch, expected: .surface(.notIdempotent)),
        Case(method: .other, expected: .surface(.notIdempotent)),
        Case(method: .connect, expected: .surface(.notIdempotent)),
        Case(answered: true, expected: .surface(.responseStarted)),
        Case(sent: false, answered: true, expected: .surface(.responseStarted)),
        Case(replayable: false, expected: .surface(.bodyNotReplayable)),
        Case(reused: false, expected: .surface(.connectionWasFresh)),
        Case(attempts: 2, expected: .surface(.retriesUsedUp)), Case(attempts: 2, maxRetries: 2),
        Case(maxRetries: 0, expected: .surface(.retriesUsedUp)), Case(budget: false, expected: .surface(.budgetEmpty)),
        Case(method: .post, reused: false, sent: false), Case(method: .patch, sent: false, replayable: false),
        Case(method: .post, sent: false, maxRetries: 0, expected: .surface(.retriesUsedUp)),
    ]

    @Test("only what is harmless to repeat, within the bounds", arguments: cases)
    func decide(one: Case) {
        let decision = RetryPolicy.decide(
            method: one.method, reused: one.reused, anyRequestByteSent: one.sent, anyResponseByteReceived: one.answered,
            bodyReplayable: one.replayable, bound: false, attempts: one.attempts, maxRetries: one.maxRetries,
            budgetAllows: one.budget
        )
        #expect(decision == one.expected)
    }

    @Test("POST and PATCH are never sent twice once a byte of them was sent, whatever else holds")
    func neverTwice() {
        for bits in 0..<16 {
            for method in [Method.post, .patch, .other, .connect] {
                let decision = RetryPolicy.decide(
                    method: method, reused: bits & 1 != 0, anyRequestByteSent: true,
                    anyResponseByteReceived: bits & 2 != 0,
                    bodyReplayable: bits & 4 != 0, bound: false, attempts: 1, maxRetries: 5, budgetAllows: bits & 8 != 0
                )
                #expect(decision != .retryFresh)
            }
        }
    }

    @Test("a login that was begun on a connection is not gone on with on another, even if nothing was sent")
    func bound() {
        for sent in [false, true] {
            let decision = RetryPolicy.decide(
                method: .get, reused: true, anyRequestByteSent: sent, anyResponseByteReceived: false,
                bodyReplayable: true, bound: true, attempts: 1, maxRetries: 1, budgetAllows: true)
            #expect(decision == .surface(.boundToConnection))
        }
    }

    @Test("each refusal has its own name")
    func names() {
        #expect(Set(RetryRefusal.allCases.map(\.name)).count == RetryRefusal.allCases.count)
    }
}

@Suite("The retry budget")
struct RetryBudgetTests {
    private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

    private func takes(_ budget: inout RetryBudget, at now: Instant) -> Int {
        var count = 0
        while count < 1_000, budget.tryTake(now: now) { count += 1 }
        return count
    }

    @Test("three in each second, without any requests")
    func minimum() {
        var budget = RetryBudget()
        #expect(takes(&budget, at: at(0)) == 3)
        #expect(takes(&budget, at: at(999)) == 0)
        #expect(takes(&budget, at: at(1_000)) == 3)
    }

    @Test("a fifth of the requests of the last ten seconds")
    func share() {
        var budget = RetryBudget()
        for index in 0..<500 { budget.noteRequest(now: at(Int64(index) * 10)) }
        #expect(takes(&budget, at: at(5_000)) == 100)
        #expect(takes(&budget, at: at(5_000)) == 0)
    }

    @Test("requests and retries leave the window after ten seconds")
    func window() {
        var budget = RetryBudget()
        for _ in 0..<100 { budget.noteRequest(now: at(0)) }
        #expect(takes(&budget, at: at(9_999)) == 20)
        var other = RetryBudget()
        for _ in 0..<100 { other.noteRequest(now: at(0)) }
        #expect(takes(&other, at: at(10_000)) == 3)
        for _ in 0..<100 { other.noteRequest(now: at(20_000)) }
        #expect(takes(&other, at: at(20_000)) == 20)
        #expect(takes(&other, at: at(1_000_000_000)) == 3)
    }

    @Test("a time before the last one, and before zero, does no harm")
    func backwards() {
        var budget = RetryBudget()
        #expect(takes(&budget, at: Instant(nanoseconds: -5_500_000_000)) == 3)
        #expect(takes(&budget, at: at(3_000)) == 3)
        #expect(takes(&budget, at: at(1_000)) == 0)
        #expect(takes(&budget, at: .distantFuture) == 3)
    }
}
