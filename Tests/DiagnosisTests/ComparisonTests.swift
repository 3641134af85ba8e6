import ProxyTypes
import Testing

@testable import Diagnosis

@Suite("Findings beside what is in force")
struct ComparisonTests {
    private func remarks(_ verdict: Verdict, _ subject: Subject, _ inForce: OriginInForce, hint: Int? = nil) -> [Remark]
    {
        var findings = [Finding(subject, verdict)]
        if let hint { findings.append(Finding(.hints, .hints(KeepAliveHints(timeout: hint, max: nil)))) }
        return Comparison.remarks(findings, inForce)
    }

    private static let five = Verdict.idleLimit(
        .closes(after: .seconds(5), deviation: .milliseconds(10), connections: 3))

    @Test(
        "a fixed idle_timeout beside the limit that was found",
        arguments: [
            (Int64(60), Remark.Kind.warns, "idle_timeout=auto" as String?), (5, .warns, "idle_timeout=auto"),
            (4, .agrees, nil),
            (2, .differs, "idle_timeout=auto"),
        ])
    func fixed(seconds: Int64, kind: Remark.Kind, setting: String?) {
        let found = remarks(Self.five, .idleLimit, OriginInForce(idleTimeout: .fixed(.seconds(seconds))))
        #expect(found.map(\.kind) == [kind] && found.map(\.setting) == [setting])
    }

    @Test("a short fixed idle_timeout where the origin keeps connections longer than was waited")
    func outlasts() {
        let verdict = Verdict.idleLimit(.outlasts(.seconds(75), connections: 3))
        let found = remarks(verdict, .idleLimit, OriginInForce(idleTimeout: .fixed(.seconds(4))))
        #expect(found.map(\.kind) == [.differs])
        #expect(
            found[0].text
                == "idle_timeout is 4.00 s; the origin keeps idle connections longer than 75 s:"
                + " more connections could be used again")
        #expect(remarks(verdict, .idleLimit, OriginInForce(idleTimeout: .fixed(.seconds(60)))).isEmpty)
    }

    @Test(
        "what was learned agrees, or differs",
        arguments: [(Int64(5), Remark.Kind.agrees), (60, .differs), (2, .differs)])
    func learned(seconds: Int64, kind: Remark.Kind) {
        let found = remarks(
            Self.five, .idleLimit, OriginInForce(learnedLimit: .seconds(seconds), learnedHits: 12))
        #expect(found.map(\.kind) == [kind] && found[0].text.contains("learned from 12 closes"))
    }

    @Test("what the examination itself has taught")
    func taught() {
        let findings = [Finding(.idleLimit, Self.five)]
        let after = OriginInForce(learnedRetire: .milliseconds(4_900), learnedLimit: .seconds(5), learnedHits: 3)
        let found = Comparison.remarks(findings, OriginInForce(), after: after)
        #expect(
            found.map(\.text) == [
                "nothing was known before, and the limit of 5.00 s is learned now:"
                    + " connd closes idle connections after 4.90 s"
            ])
        let fixed = IdleTimeout.fixed(.seconds(4))
        let instead = Comparison.remarks(
            findings, OriginInForce(idleTimeout: fixed),
            after: OriginInForce(idleTimeout: fixed, learnedLimit: .seconds(5)))
        #expect(instead.map(\.text) == ["idle_timeout is within it"])
        #expect(Comparison.remarks(findings, OriginInForce(), after: nil).isEmpty)
        let known = OriginInForce(learnedLimit: .seconds(5), learnedHits: 12)
        #expect(
            Comparison.remarks(findings, known, after: after).map(\.text) == [
                "agrees with 5.00 s, learned from 12 closes"
            ])
    }

    @Test("what is obeyed of what was learned is before the limit, or beyond it")
    func obeyed() {
        let early = remarks(Self.five, .idleLimit, OriginInForce(learnedRetire: .milliseconds(4_800)))
        #expect(early.map(\.kind) == [.agrees])
        let late = remarks(Self.five, .idleLimit, OriginInForce(learnedRetire: .seconds(55)))
        #expect(late.map(\.kind) == [.warns])
    }

    @Test("a Keep-Alive field is true, or not", arguments: [(5, Remark.Kind.agrees), (60, .warns), (2, .differs)])
    func hint(seconds: Int, kind: Remark.Kind) {
        let found = remarks(Self.five, .idleLimit, OriginInForce(), hint: seconds)
        #expect(found.map(\.kind) == [kind] && found.map(\.subject) == [.hints])
    }

    @Test("a limit of requests without a word is dangerous, and a setting below what is allowed is a loss")
    func requests() {
        let silent = Verdict.maxRequests(.closesAfter(100, announced: false))
        #expect(
            remarks(silent, .maxRequests, OriginInForce(maxRequests: 1000)).map(\.setting)
                == ["max_requests_per_connection=100"])
        #expect(remarks(silent, .maxRequests, OriginInForce(maxRequests: 50)).isEmpty)
        let more = Verdict.maxRequests(.moreThan(105))
        #expect(remarks(more, .maxRequests, OriginInForce(maxRequests: 10)).map(\.kind) == [.differs])
        #expect(remarks(more, .maxRequests, OriginInForce(maxRequests: 1000)).isEmpty)
    }

    @Test("pipelining that is on beside what the origin does with it")
    func pipelining() {
        let on = OriginInForce(pipelines: true)
        #expect(remarks(.pipelining(.answersBoth), .pipelining, on).map(\.kind) == [.agrees])
        #expect(remarks(.pipelining(.closesAfterFirst), .pipelining, on).map(\.setting) == ["pipelining=off"])
        #expect(remarks(.pipelining(.closesAfterFirst), .pipelining, OriginInForce()).isEmpty)
    }

    @Test("an origin that keeps no connection")
    func persistence() {
        let found = remarks(.persistence(.closes(.http10)), .persistence11, OriginInForce())
        #expect(found.map(\.kind) == [.differs] && found[0].text.hasSuffix("have it speak HTTP/1.1"))
        #expect(remarks(.persistence(.keeps), .persistence11, OriginInForce()).isEmpty)
    }
}

@Suite("Lengths of time in words")
struct DurationWordTests {
    @Test(
        arguments: [
            (Int64(0), "0 us"), (999, "999 us"), (1_500, "2 ms"), (40_000, "40 ms"), (5_004_000, "5.00 s"),
            (2_010_000, "2.01 s"), (75_000_000, "75 s"), (125_000_000, "2 min 5 s"), (15_000_000, "15 s"),
            (120_000_000, "2 min"),
        ])
    func words(microseconds: Int64, text: String) {
        #expect(DurationWords.of(.scaled(microseconds, 1000)) == text)
    }
}
