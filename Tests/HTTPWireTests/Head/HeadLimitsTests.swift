import FuzzTargets
import HTTPWire
import Testing

@Suite("Limits of heads")
struct HeadLimitsTests {
    private let limits = HeadLimits(maxHeadBytes: 100, maxTargetBytes: 20, maxFields: 3)

    @Test("a head of just the limit passes, one byte more is refused, whether or not its end is there")
    func headSize() {
        let base = "GET http://h/ HTTP/1.1\r\nHost: h\r\nA: "
        let fill = 100 - base.utf8.count - 4
        let just = base + String(repeating: "a", count: fill) + "\r\n\r\n"
        guard case .accepted(let head) = Heads.request(just + "next", limits: limits) else {
            Issue.record("refused")
            return
        }
        #expect(head.length == 100)
        let more = base + String(repeating: "a", count: fill + 1) + "\r\n\r\n"
        #expect(Heads.request(more, limits: limits) == .refused(.headTooLarge))
        #expect(Heads.request(base + String(repeating: "a", count: 200), limits: limits) == .refused(.headTooLarge))
        #expect(Heads.request(just.replacing("\r\n\r\n", with: ""), limits: limits) == .incomplete)
    }

    @Test("a target of just the limit passes, one byte more is refused before it ends")
    func targetSize() {
        let target = "http://h/" + String(repeating: "a", count: 11)
        guard case .accepted = Heads.request("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n", limits: limits) else {
            Issue.record("refused")
            return
        }
        #expect(Heads.request("GET \(target)", limits: limits) == .incomplete)
        #expect(Heads.request("GET \(target)a", limits: limits) == .refused(.targetTooLong))
        #expect(Heads.request("GET \(target)a HTTP/1.1\r\n", limits: limits) == .refused(.targetTooLong))
    }

    @Test("as many fields as the limit pass, one more is refused")
    func fieldCount() {
        let three = "GET http://h/ HTTP/1.1\r\nHost: h\r\nA: b\r\nA: b\r\n"
        guard case .accepted = Heads.request(three + "\r\n", limits: limits) else {
            Issue.record("refused")
            return
        }
        #expect(Heads.request(three + "A", limits: limits) == .refused(.tooManyFields))
        let response = "HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"
        #expect(Heads.response(response, limits: limits) == .refused(.tooManyFields))
    }

    @Test("the limits hold for responses")
    func responseSize() {
        let endless = "HTTP/1.1 200 " + String(repeating: "a", count: 100)
        #expect(Heads.response(endless, limits: limits) == .refused(.headTooLarge))
    }

    @Test("the statuses of limits are theirs")
    func statuses() {
        #expect(WireError.headTooLarge.status == 431 && WireError.tooManyFields.status == 431)
        #expect(WireError.targetTooLong.status == 414 && WireError.unsupportedVersion.status == 505)
        #expect(WireError.unknownTransferCoding.status == 501 && WireError.bareLF.status == 400)
    }
}
