import HTTPWire
import ProxyTypes
import Testing

@Suite("When a failed request is sent again")
struct RetryPolicyTests {
    struct Case: Sendable {
        var method = Method.get
        var failure = RequestAttempt.Failure.connectionLost
        var stale = true
        var sent = true
        var replayable = true
        var bound = false
        var number = 1
        var maxRetries = 1
        var budget = true
        var expected = RetryDecision.retryFresh

        var decision: RetryDecision {
            RetryPolicy.decide(
                after: RequestAttempt(
                    method: method, number: number, failure: failure, connectionMayBeStale: stale,
                    requestBytesSent: sent, bodyIsReplayable: replayable, isBoundToConnection: bound),
                maxRetries: maxRetries, budgetAllows: budget)
        }
    }

    static let cases: [Case] = [
        Case(), Case(method: .put), Case(method: .delete), Case(method: .head), Case(method: .options),
        Case(method: .trace),
        Case(method: .post, expected: .surface(.notIdempotent)),
        Case(method: .patch, expected: .surface(.notIdempotent)),
        Case(method: .other, expected: .surface(.notIdempotent)),
        Case(method: .connect, expected: .surface(.notIdempotent)),
        Case(failure: .responseStarted, expected: .surface(.responseStarted)),
        Case(failure: .responseStarted, sent: false, expected: .surface(.responseStarted)),
        Case(failure: .timedOut, expected: .surface(.timedOut)),
        Case(failure: .timedOut, sent: false, expected: .surface(.timedOut)),
        Case(replayable: false, expected: .surface(.bodyNotReplayable)),
        Case(stale: false, expected: .surface(.connectionWasFresh)),
        Case(number: 2, expected: .surface(.retriesUsedUp)), Case(number: 2, maxRetries: 2),
        Case(maxRetries: 0, expected: .surface(.retriesUsedUp)), Case(budget: false, expected: .surface(.budgetEmpty)),
        Case(method: .post, stale: false, sent: false), Case(method: .patch, sent: false, replayable: false),
        Case(method: .post, sent: false, maxRetries: 0, expected: .surface(.retriesUsedUp)),
    ]

    @Test("only what is harmless to repeat, within the bounds", arguments: cases)
    func decide(one: Case) {
        #expect(one.decision == one.expected)
    }

    @Test("POST and PATCH are never sent twice once a byte of them was sent, whatever else holds")
    func neverTwice() {
        for bits in 0..<16 {
            for method in [Method.post, .patch, .other, .connect] {
                let one = Case(
                    method: method, failure: bits & 2 != 0 ? .responseStarted : .connectionLost, stale: bits & 1 != 0,
                    replayable: bits & 4 != 0, maxRetries: 5, budget: bits & 8 != 0)
                #expect(one.decision != .retryFresh)
            }
        }
    }

    @Test("on a fresh connection no other reason is given: no retry was in question")
    func fresh() {
        for method in Method.allCases {
            for bits in 0..<4 {
                let one = Case(
                    method: method, stale: false, replayable: bits & 1 != 0, bound: bits & 2 != 0, maxRetries: 0)
                #expect(one.decision == .surface(.connectionWasFresh))
            }
        }
    }

    @Test("a login that was begun on a connection is not continued on another, even if nothing was sent")
    func bound() {
        for sent in [false, true] {
            #expect(Case(sent: sent, bound: true).decision == .surface(.boundToConnection))
        }
    }

    @Test(
        "before it is sent, a request counts as retryable exactly where its loss on a stale connection would be retried"
    )
    func retryable() {
        for method in Method.allCases {
            for bits in 0..<4 {
                for number in 1...3 {
                    let (replayable, budget) = (bits & 1 != 0, bits & 2 != 0)
                    let retryable = RetryPolicy.isRetryable(
                        method, number: number, bodyIsReplayable: replayable, maxRetries: 2, budgetAllows: budget)
                    let lost = Case(
                        method: method, replayable: replayable, number: number, maxRetries: 2, budget: budget)
                    #expect(retryable == (lost.decision == .retryFresh))
                    #expect(retryable == (method.isIdempotent && replayable && budget && number <= 2))
                }
            }
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
        while count < 1_000, budget.allows(now: now) {
            budget.take(now: now)
            count += 1
        }
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
