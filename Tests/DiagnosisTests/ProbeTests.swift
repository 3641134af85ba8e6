import ProxyTypes
import Testing

@testable import Diagnosis

@Suite("Probes")
struct ProbeTests {
    private static let request = ProbeRequest(method: .head, path: "/")
    private static let opened = ProbeEvent.opened(OpenedConnection(address: nil, connectTime: .milliseconds(10)))
    private static let kept = ProbeEvent.answered(ProbeAnswer())
    private static let closing = ProbeEvent.answered(ProbeAnswer(persistent: false, saysClose: true))

    /// A second apart. The last step.
    private func play(_ probe: some Probe, _ events: [ProbeEvent]) -> ProbeStep? {
        var (probe, now, step) = (probe, Instant.zero, ProbeStep?.none)
        for event in events {
            step = probe.handle(event, now: now)
            now = now + .seconds(1)
        }
        return step
    }

    @Test(
        "persistence: whether a second request is answered on the connection",
        arguments: [
            ([opened, kept, kept], Persistence.keeps),
            ([opened, closing], .closes(.connectionClose)),
            (
                [opened, .answered(ProbeAnswer(persistent: false, endsWithConnection: true))],
                .closes(.bodyWithoutLength)
            ),
            ([opened, .answered(ProbeAnswer(version: .http10, persistent: false))], .closes(.http10)),
            ([opened, kept, .ended(.fin)], .closesUnannounced),
            ([opened, .interim(status: 103), kept, .interim(status: 103), kept], .keeps),
        ])
    func persistence(_ events: [ProbeEvent], _ expected: Persistence) {
        #expect(play(PersistenceProbe(Self.request), events) == .end(.persistence(expected)))
    }

    @Test(
        "persistence: without an answer it says what came instead",
        arguments: [
            ([ProbeEvent.notOpened(.noRoom)], Obstacle.noRoom),
            ([.notOpened(.failed("refused"))], .failed("refused")),
            ([opened, .malformed("no HTTP")], .failed("no HTTP")),
            ([opened, .ended(.fin)], .failed("the origin closed the connection without an answer")),
            ([opened, .ended(.reset)], .failed("the origin reset the connection without an answer")),
            ([opened, .timer], .failed("no answer came in 10 s")),
            ([opened, .answered(ProbeAnswer(status: 503))], .overload(status: 503)),
        ])
    func noAnswer(_ events: [ProbeEvent], _ expected: Obstacle) {
        #expect(play(PersistenceProbe(Self.request), events) == .end(.notMeasured(expected)))
    }

    @Test(
        "requests on one connection: until it ends, or enough were answered",
        arguments: [
            ([opened, kept, kept, closing], RequestLimit.closesAfter(3, announced: true)),
            ([opened, kept, kept, .ended(.fin)], .closesAfter(2, announced: false)),
            ([opened, kept, .ended(.reset)], .closesAfter(1, announced: false)),
            ([opened, kept, kept, kept, kept, kept], .moreThan(5)),
            ([opened, kept, .answered(ProbeAnswer(status: 429))], .overloaded(after: 2, status: 429)),
        ])
    func requests(_ events: [ProbeEvent], _ expected: RequestLimit) {
        #expect(play(RequestLimitProbe(Self.request, most: 5), events) == .end(.maxRequests(expected)))
    }

    @Test("requests on one connection: no longer than the time for them")
    func slowRequests() {
        let events = [Self.opened] + Array(repeating: Self.kept, count: 30)
        var (probe, now, step) = (RequestLimitProbe(Self.request, most: 1000), Instant.zero, ProbeStep?.none)
        for event in events {
            step = probe.handle(event, now: now)
            if case .end? = step { break }
            now = now + .seconds(1)
        }
        #expect(step == .end(.maxRequests(.moreThan(20))))
    }

    @Test(
        "two requests in one write",
        arguments: [
            ([opened, kept, kept], Pipelining.answersBoth),
            ([opened, kept, .ended(.fin)], .closesAfterFirst),
            ([opened, closing], .closesAfterFirst),
            ([opened, kept, .timer], .dropsSecond),
            ([opened, .answered(ProbeAnswer(status: 400, persistent: false))], .refuses),
            ([opened, .ended(.reset)], .refuses),
        ])
    func pipelining(_ events: [ProbeEvent], _ expected: Pipelining) {
        #expect(play(PipeliningProbe(Self.request), events) == .end(.pipelining(expected)))
        #expect(play(PipeliningProbe(Self.request), [Self.opened]) == .send([Self.request, Self.request]))
    }

    @Test(
        "a request whose client shuts its output",
        arguments: [
            ([opened, kept], HalfClose.answers), ([opened, closing], .answers), ([opened, .ended(.fin)], .closes),
            ([opened, .ended(.reset)], .resets), ([opened, .timer], .ignores),
        ])
    func halfClose(_ events: [ProbeEvent], _ expected: HalfClose) {
        #expect(play(HalfCloseProbe(Self.request), events) == .end(.halfClose(expected)))
        #expect(play(HalfCloseProbe(Self.request), [Self.opened]) == .sendLast(Self.request))
    }

    @Test(
        "a request that asks whether its body is wanted",
        arguments: [
            ([opened, .interim(status: 100)], ExpectContinue.continues(after: .seconds(1))),
            ([opened, .interim(status: 103), .interim(status: 100)], .continues(after: .seconds(2))),
            ([opened, .answered(ProbeAnswer(status: 417))], .answers(status: 417)),
            ([opened, .ended(.fin)], .closes), ([opened, .timer], .waitsForBody(.seconds(1))),
        ])
    func expectContinue(_ events: [ProbeEvent], _ expected: ExpectContinue) {
        #expect(play(ContinueProbe(Self.request), events) == .end(.expectContinue(expected)))
    }

    @Test(
        "part of a request, after four whole ones",
        arguments: [
            (Interval.milliseconds(12) as Interval?, Acknowledgement.atOnce(.milliseconds(12))),
            (.milliseconds(20), .atOnce(.milliseconds(20))),
            (.milliseconds(40), .delayed(.milliseconds(40))),
            (nil, .none(.milliseconds(550))),
        ])
    func acknowledgement(_ after: Interval?, _ expected: Acknowledgement) {
        let used = [Self.opened, Self.kept, Self.kept, Self.kept]
        #expect(play(AcknowledgementProbe(Self.request), used) == .send([Self.request]))
        #expect(play(AcknowledgementProbe(Self.request), used + [Self.kept]) == .sendPart(Self.request))
        let asked = used + [Self.kept, .timer]
        #expect(play(AcknowledgementProbe(Self.request), asked) == .askAcknowledgement)
        let known = asked + [.acknowledged(after: after)]
        #expect(play(AcknowledgementProbe(Self.request), known) == .sendRest)
        for end in [Self.kept, .ended(.fin), .timer] {
            #expect(play(AcknowledgementProbe(Self.request), known + [end]) == .end(.acknowledgement(expected)))
        }
    }

    @Test("a path is absolute and fits into a request line")
    func paths() {
        for good in ["/", "/health?deep=1", "/a%20b"] { #expect(ExaminationPlan.isPath(good), "\(good)") }
        for bad in ["", "health", "/a b", "/a\r\nX: y", "/é", "/a#b", "/" + String(repeating: "a", count: 2000)] {
            #expect(!ExaminationPlan.isPath(bad), "\(bad)")
        }
    }

    @Test("a request's head is whole, and an HTTP/1.0 one asks to keep the connection")
    func heads() {
        var request = ProbeRequest(method: .get, path: "/x?y")
        func text() -> String {
            String(decoding: request.head(authority: "a.example", userAgent: "doctor"), as: UTF8.self)
        }
        #expect(text() == "GET /x?y HTTP/1.1\r\nHost: a.example\r\nUser-Agent: doctor\r\nAccept: */*\r\n\r\n")
        request.version = .http10
        #expect(text().contains("HTTP/1.0\r\n") && text().hasSuffix("Connection: keep-alive\r\n\r\n"))
    }
}
