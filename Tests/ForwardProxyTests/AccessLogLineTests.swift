import Foundation
import Pooling
import ProxyTypes
import Systemd
import Testing

@testable import ForwardProxy

@Suite("Lines of the access log")
struct AccessLogLineTests {
    private static let client = ClientID(rawValue: 7)
    private static let time: Int64 = 1_700_000_000_123

    /// A target that would forge a second line if it were written as it came.
    private var record: ExchangeRecord {
        var record = ExchangeRecord()
        record.method = "GET"
        record.target = "http://a.example/\"\n200"
        record.status = 502
        record.error = .connectionRefused
        record.connection = 3
        record.reused = true
        record.retries = 1
        record.bytesFromClient = 12
        record.bytesToClient = 34
        record.queueTime = Interval(nanoseconds: 1_234_567)
        record.totalTime = .seconds(2)
        return record
    }

    private func text(_ record: ExchangeRecord) -> String {
        var line: [UInt8] = []
        AccessLog.appendText(record, Self.client, Self.time, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    @Test("text has every part in its place, and no request can forge a line")
    func text() {
        #expect(
            text(record) == """
                2023-11-14T22:13:20.123Z client=7 "GET http://a.example/\\"\\n200" 502 connection_refused conn=3+ retries=1 \
                in=12 out=34 queue=1.234 dns=0.000 connect=0.000 tls=0.000 send=0.000 first_byte=0.000 total=2000.000

                """)
    }

    @Test("an exchange without an error has a dash, and one that its client left is marked")
    func ends() {
        var record = record
        record.error = nil
        record.reused = false
        #expect(text(record).contains(" 502 - conn=3 retries=1 ") && text(record).hasSuffix("total=2000.000\n"))
        record.aborted = true
        #expect(text(record).hasSuffix("total=2000.000 aborted\n"))
    }

    @Test("the gateway that a request came through is named")
    func gateway() {
        var record = record
        record.gateway = "stripe"
        record.aborted = true
        #expect(text(record).hasSuffix("total=2000.000 gateway=stripe aborted\n"))
        var line: [UInt8] = []
        AccessLog.appendJSON(record, Self.client, Self.time, to: &line)
        #expect(String(decoding: line, as: UTF8.self).contains(",\"gateway\":\"stripe\","))
        let entry = AccessLog.entry(record, nil, Self.client, Self.time, .text)
        #expect(String(decoding: entry.bytes, as: UTF8.self).contains("\nCONND_GATEWAY=stripe\n"))
    }

    @Test("JSON is one object to a line")
    func json() throws {
        var record = record
        record.aborted = true
        var line: [UInt8] = []
        AccessLog.appendJSON(record, Self.client, Self.time, to: &line)
        #expect(line.count { $0 == UInt8(ascii: "\n") } == 1 && line.last == UInt8(ascii: "\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(object["time"] as? String == "2023-11-14T22:13:20.123Z" && object["client"] as? Int == 7)
        #expect(object["target"] as? String == record.target && object["status"] as? Int == 502)
        #expect(object["error"] as? String == "connection_refused" && object["aborted"] as? Bool == true)
        #expect(object["reused"] as? Bool == true && object["queue_ms"] as? Double == 1.234)
    }

    @Test("an entry of the journal has the line, a priority and the parts that can be matched")
    func journal() throws {
        let origin = Origin(scheme: .http, host: "a.example", port: 80)
        for (error, priority) in [(ProxyError.Kind.connectionRefused, 5), (nil, 6)] {
            var record = record
            record.error = error
            let entry = AccessLog.entry(record, origin, Self.client, Self.time, .text)
            let lines = String(decoding: entry.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            #expect(lines[0] == "MESSAGE=" + text(record).dropLast() && lines[1] == "PRIORITY=\(priority)")
            #expect(lines.contains("CONND_ERROR=connection_refused") == (error != nil))
            for field in [
                "SYSLOG_IDENTIFIER=connd-access", "CONND_ORIGIN=\(origin)", "CONND_STATUS=502", "CONND_REUSED=1",
            ] {
                #expect(lines.contains(field), "\(field) is not in \(lines)")
            }
        }
    }
}
