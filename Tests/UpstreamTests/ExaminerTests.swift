import Diagnosis
import Learning
import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import TestSupport
import Testing
import Tuning

@testable import Upstream

/// Examinations over a scripted kernel, whose peers a test plays.
@Suite("An examiner")
struct ExaminerTests {
    private func begin(_ fixture: UpstreamFixture, wait: Interval = .seconds(60)) throws -> OriginExaminer {
        let examiner = try fixture.loop.examiners.begin(
            ExaminationPlan(wait: wait), of: fixture.pool.origin, userAgent: "doctor")
        fixture.turn()
        return examiner
    }

    /// Accepts and answers, until nothing more happens.
    private final class Server {
        private let fixture: UpstreamFixture
        private var accepted: Set<CInt> = []
        private var asked: [CInt: String] = [:]

        init(_ fixture: UpstreamFixture) {
            self.fixture = fixture
        }

        func serve() {
            while serveOnce() { fixture.turn() }
        }

        private func serveOnce() -> Bool {
            var isBusy = false
            for peer in fixture.kernel.outgoing where !peer.isClosed {
                if accepted.insert(peer.descriptor).inserted {
                    peer.accept()
                    isBusy = true
                }
                let parts = (asked[peer.descriptor] ?? "") + peer.take()
                let heads = parts.components(of: "\r\n\r\n")
                asked[peer.descriptor] = heads > 0 ? "" : parts
                for _ in 0..<heads { peer.send(ExaminerTests.kept) }
                if heads > 0 { isBusy = true }
            }
            return isBusy
        }
    }

    fileprivate static let kept = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nServer: scripted\r\n\r\n"

    private func verdict(_ examiner: OriginExaminer, _ subject: Subject) -> Verdict? {
        examiner.findings.first { $0.subject == subject }?.verdict
    }

    @Test("finds the limits of an origin, tells the learner, and leaves nothing behind")
    func whole() throws {
        let fixture = UpstreamFixture()
        let (examiner, server) = (try begin(fixture), Server(fixture))
        for _ in 0..<40 {
            server.serve()
            fixture.advance(by: .milliseconds(100))
        }
        #expect(verdict(examiner, .persistence11) == .persistence(.keeps))
        #expect(verdict(examiner, .persistence10) == .persistence(.keeps))
        #expect(verdict(examiner, .pipelining) == .pipelining(.answersBoth))
        #expect(verdict(examiner, .halfClose) == .halfClose(.answers))
        #expect(!examiner.isOver && examiner.progress.idleConnections == 3)
        let idle = fixture.kernel.outgoing.filter { !$0.isClosed }
        #expect(idle.count == 3)
        for peer in idle { fixture.end(peer) }
        #expect(examiner.isOver && examiner.endedAt != nil)
        guard case .idleLimit? = verdict(examiner, .idleLimit) else {
            Issue.record("\(examiner.findings)")
            return
        }
        #expect(fixture.pool.learning.learner.closes == 3)
        #expect(fixture.isAtRest && fixture.kernel.openSockets == 0)
        // Nothing of it counts as the origin's own.
        #expect(fixture.pool.statistics.opened[.demand] == 0 && fixture.loop.metrics.upstreamOpened == 0)
    }

    @Test("counts in the limits of the origin, and opens no more than they allow")
    func limits() throws {
        let fixture = UpstreamFixture {
            $0.maxConnections = 2
            $0.maxIdle = 2
        }
        let (examiner, server) = (try begin(fixture), Server(fixture))
        for _ in 0..<20 {
            server.serve()
            fixture.advance(by: .milliseconds(100))
            #expect(fixture.kernel.openSockets <= 2 && fixture.loop.total.taken <= 2)
        }
        #expect(verdict(examiner, .persistence11) == .persistence(.keeps))
    }

    @Test("gives way to requests that wait for a connection")
    func givesWay() throws {
        let fixture = UpstreamFixture {
            $0.maxConnections = 1
            $0.maxIdle = 1
        }
        let examiner = try begin(fixture)
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        #expect(exchange.events.isEmpty)
        fixture.advance(by: .milliseconds(100))
        #expect(examiner.state == .over(stopped: .trafficWaits))
        fixture.peer.accept()
        fixture.turn()
        #expect(exchange.events == ["granted"])
    }

    @Test("no request is refused because of it where requests may not wait")
    func noQueue() throws {
        let tight = UpstreamFixture {
            $0.maxConnections = 1
            $0.maxQueue = 0
        }
        #expect(throws: ExaminationRefusal.noRoom) { _ = try begin(tight) }
        let fixture = UpstreamFixture {
            $0.maxConnections = 4
            $0.maxQueue = 0
        }
        let examiner = try begin(fixture)
        for _ in 0..<2 { fixture.lease(RecordingExchange()) }
        fixture.advance(by: .milliseconds(100))
        #expect(examiner.state == .over(stopped: .trafficWaits))
        let exchanges = [RecordingExchange(), RecordingExchange()]
        for exchange in exchanges { fixture.lease(exchange) }
        #expect(exchanges.allSatisfy { $0.refusal == nil })
    }

    @Test("the pool of an origin that is examined is not forgotten to make room for others")
    func remembered() throws {
        let fixture = UpstreamFixture()
        let examiner = try begin(fixture)
        let other = fixture.loop.pool(for: Origin(scheme: .http, host: "other.example", port: 80))
        for number in 0..<10_000 {
            _ = fixture.loop.pool(for: Origin(scheme: .http, host: "n\(number).example", port: 80))
        }
        #expect(other.isForgotten && !fixture.pool.isForgotten && !examiner.isOver)
    }

    @Test("an idle connection whose last request arrived and was not answered says nothing of the path")
    func slow() throws {
        for acknowledges in [true, false] {
            let fixture = UpstreamFixture()
            let (examiner, server) = (try begin(fixture, wait: .seconds(20)), Server(fixture))
            for _ in 0..<100 {
                server.serve()
                fixture.advance(by: .milliseconds(100))
            }
            #expect(!examiner.isOver && examiner.progress.idleConnections == 3)
            for peer in fixture.kernel.outgoing where !peer.isClosed { peer.info = TCPInfo() }
            fixture.kernel.acknowledges = acknowledges
            for _ in 0..<60 { fixture.advance(by: .seconds(1)) }
            #expect(examiner.isOver)
            let forgets = if case .idleLimit(.pathForgets)? = verdict(examiner, .idleLimit) { true } else { false }
            #expect(forgets == !acknowledges, "\(examiner.findings)")
        }
    }

    @Test("is refused where the origin is paused, at its limit, or being examined already")
    func refused() throws {
        let busy = UpstreamFixture { $0.maxConnections = 1 }
        _ = busy.start(RecordingExchange())
        #expect(throws: ExaminationRefusal.noRoom) { _ = try begin(busy) }
        let fixture = UpstreamFixture()
        fixture.pool.pause(now: fixture.loop.now)
        #expect(throws: ExaminationRefusal.paused) { _ = try begin(fixture) }
        fixture.pool.resume(now: fixture.loop.now)
        let examiner = try begin(fixture)
        #expect(throws: ExaminationRefusal.underWay) { _ = try begin(fixture) }
        for number in 1..<Examiners.mostAtOnce {
            _ = try fixture.loop.examiners.begin(
                ExaminationPlan(), of: Origin(scheme: .http, host: "10.0.0.\(number)", port: 80), userAgent: "")
        }
        #expect(throws: ExaminationRefusal.tooMany(Examiners.mostAtOnce)) {
            _ = try fixture.loop.examiners.begin(
                ExaminationPlan(), of: Origin(scheme: .http, host: "10.0.0.9", port: 80), userAgent: "")
        }
        examiner.stop(.byOperator)
        #expect(fixture.loop.examiners.examiner(of: fixture.pool.origin) === examiner)
        _ = try begin(fixture)
    }

    @Test("ends with its connections when it is stopped, the origin is paused, or connd stops")
    func ends() throws {
        let cases: [(StopReason, (UpstreamFixture, OriginExaminer) -> Void)] = [
            (.byOperator, { $1.stop(.byOperator) }),
            (.paused, { fixture, _ in fixture.pool.pause(now: fixture.loop.now) }),
            (.shutdown, { fixture, _ in fixture.loop.shutdown() }),
            (.shutdown, { fixture, _ in fixture.loop.closeIdle() }),
            (.shutdown, { fixture, _ in fixture.loop.kill() }),
        ]
        for (reason, end) in cases {
            let fixture = UpstreamFixture()
            let examiner = try begin(fixture)
            Server(fixture).serve()
            #expect(fixture.kernel.openSockets > 0)
            end(fixture, examiner)
            fixture.advance(by: .milliseconds(200))
            #expect(examiner.state == .over(stopped: reason))
            #expect(fixture.kernel.openSockets == 0 && fixture.loop.total.taken == 0, "\(reason)")
        }
    }

    @Test("tells an origin that speaks no HTTP, refuses, or cuts its answer short from one that answers")
    func noHTTP() throws {
        for (bytes, word) in [("SSH-2.0-OpenSSH\r\n", "no HTTP"), ("HTTP/1.1 200 OK\r\nContent-Le", "closed")] {
            let fixture = UpstreamFixture()
            let examiner = try begin(fixture)
            fixture.peer.accept()
            fixture.turn()
            fixture.send(fixture.peer, bytes)
            if !examiner.isOver { fixture.end(fixture.peer) }
            guard case .notMeasured(.failed(let text))? = verdict(examiner, .contact) else {
                Issue.record("\(examiner.findings)")
                continue
            }
            #expect(text.contains(word) && examiner.isOver && fixture.kernel.openSockets == 0)
        }
    }

    @Test("an answer whose body is cut short is none")
    func cut() throws {
        let fixture = UpstreamFixture()
        let examiner = try begin(fixture, wait: .zero)
        fixture.peer.accept()
        fixture.turn()
        fixture.send(fixture.peer, "HTTP/1.1 405 No\r\nConnection: close\r\nContent-Length: 9\r\n\r\n")
        fixture.peer.accept()
        fixture.turn()
        fixture.send(fixture.peer, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        fixture.end(fixture.peer)
        guard case .notMeasured(.failed("the answer was cut short"))? = verdict(examiner, .contact) else {
            throw TestFailure("\(examiner.findings)")
        }
        #expect(examiner.isOver && fixture.kernel.openSockets == 0)
    }

    @Test("an answer that comes in pieces is one answer, and its body is read")
    func pieces() throws {
        let fixture = UpstreamFixture()
        let examiner = try begin(fixture, wait: .zero)
        fixture.peer.accept()
        fixture.turn()
        // HEAD is refused, so GET has a body.
        fixture.send(fixture.peer, "HTTP/1.1 405 No\r\nConnection: close\r\nContent-Length: 9\r\n\r\n")
        fixture.peer.accept()
        fixture.turn()
        let answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=7\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        for byte in answer.utf8 { fixture.send(fixture.peer, String(UnicodeScalar(byte))) }
        #expect(fixture.peer.received.components(of: "GET / HTTP/1.1") == 2)
        fixture.send(fixture.peer, answer)
        #expect(verdict(examiner, .persistence11) == .persistence(.keeps))
        guard case .hints(let hints)? = verdict(examiner, .hints) else { throw TestFailure("\(examiner.findings)") }
        #expect(hints.timeout == 7 && hints.max == nil)
    }
}

extension String {
    /// How often it is in here.
    fileprivate func components(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}
