import ProxyTypes
import Testing

@testable import Diagnosis

@Suite("Idle connections under watch")
struct IdleTests {
    private static let request = ProbeRequest(method: .head, path: "/")
    private static let start = Instant.zero + .seconds(10)

    /// Idle since a second after `start`, with a lag of a second.
    private func idle(wait: Interval = .seconds(60)) -> IdleWatch {
        var watch = IdleWatch(Self.request, wait: wait)
        _ = watch.handle(
            .opened(OpenedConnection(address: nil, connectTime: .zero)), now: Self.start)
        let step = watch.handle(.answered(ProbeAnswer()), now: Self.start + .seconds(1))
        #expect(step == .wait(until: Self.start + .seconds(1) + wait))
        return watch
    }

    private func age(_ seconds: Int64) -> IdleAge {
        IdleAge(age: .seconds(seconds), lag: .seconds(1), at: Self.start + .seconds(1 + seconds), requests: 1)
    }

    private func at(_ seconds: Int64) -> Instant { Self.start + .seconds(1 + seconds) }

    @Test("one that the origin ends tells its age", arguments: [(ProbeEnd.fin, IdleEnd.fin), (.reset, .reset)])
    func closed(_ end: ProbeEnd, _ expected: IdleEnd) {
        var watch = idle()
        #expect(watch.handle(.ended(end), now: at(5)) == .tell(.closed(age(5), expected)))
    }

    @Test("a 408 before the end is when it was given up, whether or not the end follows")
    func announced() {
        for last in [ProbeEvent.ended(.fin), .timer] {
            var watch = idle()
            #expect(watch.handle(.unsolicited, now: at(5)) == .wait(until: at(8)))
            #expect(watch.handle(last, now: at(7)) == .tell(.closed(age(5), .fin)))
        }
    }

    @Test("one that is open at the end is asked again: only an answer shows that the origin has it")
    func proving() {
        let cases: [(ProbeEvent, IdleOutcome)] = [
            (.answered(ProbeAnswer()), .outlived(age(60))), (.ended(.reset), .forgotten(age(60))),
            (.ended(.fin), .closed(age(60), .onUse)),
        ]
        for (event, expected) in cases {
            var watch = idle()
            #expect(watch.handle(.timer, now: at(60)) == .send([Self.request]))
            #expect(watch.handle(event, now: at(61)) == .tell(expected), "\(event)")
        }
    }

    @Test("one that does not answer tells of the path only where the request was not acknowledged")
    func silent() {
        let slow = Verdict.notMeasured(.failed("no answer came in \(DurationWords.of(ExaminationPlan.patience))"))
        for (acknowledged, expected) in [
            (nil, ProbeStep.tell(.silent(age(60)))), (Interval.milliseconds(20), .end(slow)),
        ] {
            var watch = idle()
            #expect(watch.handle(.timer, now: at(60)) == .send([Self.request]))
            #expect(watch.handle(.timer, now: at(70)) == .askAcknowledgement)
            #expect(watch.handle(.acknowledged(after: acknowledged), now: at(70)) == expected)
        }
    }

    // MARK: Together

    private func closed(_ milliseconds: [Int64], begun: [Int64] = [0, 350, 800]) -> [IdleOutcome] {
        zip(milliseconds, begun).map { age, begin in
            .closed(
                IdleAge(
                    age: .milliseconds(age), lag: .zero, at: Self.start + .milliseconds(begin + age), requests: 1), .fin
            )
        }
    }

    @Test("alike ages are one limit")
    func limit() {
        #expect(
            IdleVerdict.of(closed([5000, 5004, 5020]), wait: .seconds(75))
                == .closes(after: .milliseconds(5004), deviation: .milliseconds(10), connections: 3))
        #expect(
            IdleVerdict.of(closed([60_000, 61_000]), wait: .seconds(75))
                == .closes(after: .milliseconds(61_000), deviation: .milliseconds(500), connections: 2))
    }

    @Test("unlike ages are told as such, and so is a sweep that ends all at once")
    func unlike() {
        #expect(
            IdleVerdict.of(closed([4000, 5000, 7000]), wait: .seconds(75))
                == .closesBetween(.seconds(4), .seconds(7), connections: 3, atOnce: false))
        #expect(
            IdleVerdict.of(closed([5000, 4650, 4200]), wait: .seconds(75))
                == .closesBetween(.milliseconds(4200), .seconds(5), connections: 3, atOnce: true))
    }

    @Test("where only some are closed, the others are told too")
    func some() {
        let outcomes = closed([5000, 5010]) + [.outlived(age(75))]
        #expect(
            IdleVerdict.of(outcomes, wait: .seconds(75))
                == .sometimes(after: .seconds(5), closed: 2, connections: 3, wait: .seconds(75)))
    }

    @Test("where none is closed: longer than that, or lost on the path")
    func none() {
        #expect(IdleVerdict.of([], wait: .seconds(75)) == nil)
        #expect(
            IdleVerdict.of([.outlived(age(75)), .outlived(age(76))], wait: .seconds(75))
                == .outlasts(.seconds(75), connections: 2))
        #expect(
            IdleVerdict.of([.silent(age(75)), .outlived(age(75))], wait: .seconds(75))
                == .pathForgets(within: .seconds(75)))
        #expect(
            IdleVerdict.of([.forgotten(age(75))], wait: .seconds(75)) == .pathForgets(within: .seconds(75)))
    }

    @Test("an examination of backends with different limits finds that")
    func backends() {
        var origin = ScriptedOrigin()
        origin.idleLimits = [2: .seconds(5)]
        let run = Run(origin)
        run.finish()
        #expect(
            run.verdict(.idleLimit)
                == .idleLimit(.sometimes(after: .seconds(5), closed: 1, connections: 3, wait: .seconds(75))))
        #expect(run.told.count == 3)
    }

    @Test("an examination of a path that forgets silent connections finds that")
    func path() {
        var origin = ScriptedOrigin()
        origin.silentAfter = .seconds(30)
        origin.acknowledges = nil
        let run = Run(origin, plan: ExaminationPlan(wait: .seconds(40)))
        run.finish()
        #expect(run.verdict(.idleLimit) == .idleLimit(.pathForgets(within: .seconds(40))))
    }
}
