import ProxyTypes
import Testing

@testable import Diagnosis

@Suite("An examination")
struct ExaminationTests {
    private func run(_ plan: ExaminationPlan = ExaminationPlan(), _ change: (inout ScriptedOrigin) -> Void = { _ in })
        -> Run
    {
        var origin = ScriptedOrigin()
        change(&origin)
        let run = Run(origin, plan: plan)
        run.finish()
        return run
    }

    @Test("of an origin that keeps connections for five seconds and ten requests finds both")
    func whole() {
        let run = run {
            $0.idleLimit = .seconds(5)
            $0.maxRequests = 10
            $0.answer.timeoutHint = 5
            $0.answer.server = "nginx"
        }
        #expect(run.verdict(.persistence11) == .persistence(.keeps))
        #expect(run.verdict(.persistence10) == .persistence(.keeps))
        #expect(run.verdict(.hints) == .hints(KeepAliveHints(timeout: 5, max: nil)))
        #expect(run.verdict(.maxRequests) == .maxRequests(.closesAfter(10, announced: true)))
        #expect(
            run.verdict(.idleLimit)
                == .idleLimit(.closes(after: .seconds(5), deviation: .milliseconds(1), connections: 3)))
        #expect(run.told.count == 3 && run.examination.state == .over(stopped: nil))
        #expect(run.examination.findings.map(\.subject) == Subject.allCases)
    }

    @Test("asks by HEAD, and by GET where HEAD is refused", arguments: [nil, 405, 501])
    func method(status: Int?) {
        let run = run(ExaminationPlan(path: "/health", wait: .zero)) { $0.statuses[.head] = status }
        #expect(run.sent.first?.method == .head && run.sent.allSatisfy { $0.path == "/health" })
        #expect(Set(run.sent.dropFirst().map(\.method)) == [status == nil ? .head : .get])
        #expect(run.verdict(.persistence11) == .persistence(.keeps))
    }

    @Test("stays within its bounds, whatever the origin allows")
    func bounds() {
        let run = run(ExaminationPlan(postPath: "/upload", wait: .minutes(15)))
        #expect(run.examination.requests <= ExaminationPlan.mostRequests && run.sent.count == run.examination.requests)
        #expect(run.examination.connections <= ExaminationPlan.mostConnections)
        #expect(run.mostOpen <= ExaminationPlan.mostConnectionsAtOnce)
        #expect(run.verdict(.maxRequests) == .maxRequests(.moreThan(ExaminationPlan.requestsOnOne)))
        #expect(run.now - .zero < .seconds(100) + .minutes(16))
    }

    @Test("opens and asks nothing beyond its bounds, and says of what it could not measure that it reached them")
    func boundsReached() {
        let asking = Run(ScriptedOrigin(), plan: ExaminationPlan(wait: .zero))
        asking.examination.requests = ExaminationPlan.mostRequests - 20
        asking.finish()
        #expect(asking.examination.requests == ExaminationPlan.mostRequests && asking.sent.count == 20)
        #expect(asking.verdict(.maxRequests) == .notMeasured(.bound))
        #expect(asking.verdict(.halfClose) == .notMeasured(.bound))
        let opening = Run(ScriptedOrigin(), plan: ExaminationPlan(wait: .zero))
        opening.examination.connections = ExaminationPlan.mostConnections - 2
        opening.finish()
        #expect(opening.examination.connections == ExaminationPlan.mostConnections && opening.examination.isOver)
        #expect(opening.verdict(.maxRequests) == .notMeasured(.bound))
    }

    @Test("without waiting opens no idle connection, and is over soon")
    func quick() {
        let run = run(ExaminationPlan(wait: .zero)) { $0.idleLimit = .seconds(2) }
        #expect(run.verdict(.idleLimit) == .notMeasured(.notAsked) && run.told.isEmpty)
        #expect(run.now - .zero < .seconds(110))
    }

    @Test("of an origin that closes each connection says why, and waits for nothing")
    func closes() {
        let run = run { $0.answer = ProbeAnswer(version: .http10, persistent: false) }
        #expect(run.verdict(.persistence11) == .persistence(.closes(.http10)))
        #expect(run.verdict(.maxRequests) == .maxRequests(.closesAfter(1, announced: true)))
        for subject in [Subject.idleLimit, .pipelining, .acknowledgement] {
            #expect(run.verdict(subject) == .notMeasured(.notKept), "\(subject)")
        }
        #expect(run.now - .zero < .seconds(110))
    }

    @Test("of an origin that cannot be reached says only that")
    func unreachable() {
        let run = run { $0.refusal = .failed("10.0.0.1:80 refused the connection") }
        #expect(
            run.examination.findings == [
                Finding(.contact, .notMeasured(.failed("10.0.0.1:80 refused the connection")))
            ])
        #expect(run.examination.isOver && run.sent.isEmpty)
    }

    @Test("that gets no connection more after the first says so of the rest")
    func noRoom() {
        let run = run { ($0.refusal, $0.refusesConnections) = (.noRoom, 2) }
        #expect(run.verdict(.persistence11) == .persistence(.keeps))
        #expect(run.verdict(.idleLimit) == .notMeasured(.noRoom))
        #expect(run.verdict(.maxRequests) == .notMeasured(.noRoom))
    }

    @Test("of an origin that is asked too much leaves it alone")
    func overload() {
        let run = run { $0.answer.status = 429 }
        #expect(run.sent.count == 1 && run.examination.connections == 1)
        #expect(run.verdict(.maxRequests) == .notMeasured(.overload(status: 429)))
    }

    @Test("asks nothing more of an origin that answers 429 later, and goes on watching what is idle")
    func overloadLater() {
        let run = Run(ScriptedOrigin())
        run.start()
        while run.sent.count < 30 { run.step() }
        run.origin.answer.status = 429
        let before = run.sent.count
        run.finish()
        // Two that are on their way, and those of the idle connections: three at their end, two at their beginning.
        #expect(run.sent.count <= before + 7)
        guard case .maxRequests(.overloaded(_, 429))? = run.verdict(.maxRequests) else {
            Issue.record("\(run.examination.findings)")
            return
        }
        #expect(run.verdict(.pipelining) == .notMeasured(.overload(status: 429)))
        #expect(run.verdict(.idleLimit) == .idleLimit(.outlasts(.seconds(75), connections: 3)))
    }

    @Test("can be stopped: its connections are closed, and what was found stays")
    func stopped() {
        let run = Run(ScriptedOrigin())
        run.finish(before: .seconds(20))
        #expect(!run.examination.isOver && run.examination.openConnections == 3)
        let progress = run.examination.progress(now: run.now)
        #expect(progress.idleConnections == 3 && progress.idleFor > .seconds(15) && progress.doing == nil)
        run.stop(.byOperator)
        #expect(run.examination.state == .over(stopped: .byOperator) && run.examination.openConnections == 0)
        #expect(run.openConnections == 0)
        #expect(run.verdict(.idleLimit) == .notMeasured(.stopped(.byOperator)))
        #expect(run.verdict(.maxRequests) == .maxRequests(.moreThan(ExaminationPlan.requestsOnOne)))
        run.stop(.shutdown)
        #expect(run.examination.state == .over(stopped: .byOperator))
    }

    @Test("asks whether a body is wanted only where it was told a path for that, and never sends one")
    func expectsContinue() {
        #expect(run().verdict(.expectContinue) == .notMeasured(.notAsked))
        let run = run(ExaminationPlan(postPath: "/upload", wait: .zero))
        #expect(run.verdict(.expectContinue) == .expectContinue(.continues(after: .milliseconds(10))))
        let begun = run.sent.filter { $0.method == .post }
        #expect(begun.count == 1 && begun.allSatisfy { $0.expectsContinue && $0.path == "/upload" })
    }

    @Test("over TLS counts the sessions that were resumed, but for the first")
    func tls() throws {
        let info = TLSInfo(
            version: .v1_3, cipher: "TLS_AES_256_GCM_SHA384", isResumed: true, isVerified: true, certificateExpires: nil
        )
        let run = run(ExaminationPlan(wait: .zero)) { $0.tls = info }
        guard case .resumption(let found)? = run.verdict(.tls) else { throw Missing() }
        #expect(found.resumed == found.connections && found.connections == run.examination.connections - 1)
        #expect(self.run(ExaminationPlan(wait: .zero)).verdict(.tls) == .notMeasured(.notEncrypted))
    }

    private struct Missing: Error {}
}
