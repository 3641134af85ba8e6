import AdminModels
import Foundation
import NIOHTTP1
import Testing

@testable import AdminAPI

@Suite("JSON as it is read")
struct JSONParserTests {
    @Test(
        "what is JSON is read as it stands",
        arguments: [
            ("null", JSONValue.null), (" true ", true), ("-0", 0), ("12", 12), ("2.0", 2), ("1e3", 1000),
            ("1.5", .number(1.5)), ("9223372036854775808", .number(0x1p63)), (#""a\u00e9\ud83d\ude00\n""#, "aé😀\n"),
            ("[1,[]]", [1, []]), ("\u{FEFF}1", 1), (#"{"b":1,"a":{}}"#, ["b": 1, "a": [:]]),
        ] as [(String, JSONValue)])
    func accepts(text: String, value: JSONValue) throws {
        #expect(try JSONParser.parse(text.utf8) == value)
    }

    @Test(
        "what is no JSON is refused with its place",
        arguments: [
            ("", 1, 1), ("{", 1, 2), ("{\n  \"é\": x }", 2, 8), ("[1,]", 1, 4), ("01", 1, 2), ("1.", 1, 3),
            ("nul", 1, 1),
            ("\"a", 1, 1), ("\"\t\"", 1, 2), (#""\ud800""#, 1, 2), (#""\udc00\ud800""#, 1, 2), (#""\x""#, 1, 2),
            ("1 2", 1, 3),
            (#"{"a":1,"a":2}"#, 1, 8), (#"{"a" 1}"#, 1, 6), ("{a:1}", 1, 2), ("1e999", 1, 1), ("-", 1, 2),
            ("\u{FEFF}x", 1, 1), ("\u{FEFF}{\n x", 2, 2), ("1\u{FEFF}", 1, 2), (" \u{FEFF}1", 1, 2),
            (String(repeating: "[", count: 40), 1, 34),
        ])
    func refuses(text: String, line: Int, column: Int) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(text.utf8) }
        #expect(error?.line == line)
        #expect(error?.column == column)
    }

    @Test("bytes that are not UTF-8 are refused, and a byte order mark of UTF-16 with the reason")
    func refusesBadUTF8() {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
        for bytes in [[0xFF, 0xFE, 0x31, 0], [0xFE, 0xFF, 0, 0x31], [0xFF, 0xFE, 0, 0, 0x31, 0, 0, 0]] as [[UInt8]] {
            let error = #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(bytes) }
            #expect(error?.detail.contains("must be UTF-8") == true)
        }
    }
}

@Suite("JSON as it is written")
struct ModelEncoderTests {
    @Test("names are snake_case in their order, dictionaries' keys as they are, nil is left out")
    func writes() throws {
        var figures = OriginFiguresReport()
        figures.closed = ["idle_timeout": 1, "camelCase": 2]
        let written = try ModelEncoder.value(of: figures)
        #expect(written["closed"] == ["camelCase": 2, "idle_timeout": 1])
        #expect(written.members.map(\.name).prefix(4) == ["requests", "errors", "queued", "opened"])
        #expect(written["first_byte_time"]?["p50_ms"] == .number(0))
        #expect(try ModelEncoder.value(of: ReportWithout())["absent"] == nil)
    }

    private struct ReportWithout: Codable { var absent: Int? }

    @Test("integers of every width")
    func integers() throws {
        struct Widths: Encodable {
            var a = Int8(-1), b = UInt8.max, c = Int16(-1), d = UInt16.max, e = Int32(-1), f = UInt32.max
            var g = Int64(-1), h = UInt64.max, i: [UInt32] = [7], j = UInt(5), k = Float(0.5)
        }
        #expect(
            try ModelEncoder.value(of: Widths()).printed
                == #"{"a":-1,"b":255,"c":-1,"d":65535,"e":-1,"f":4294967295,"g":-1,"h":1.8446744073709552e+19,"i":[7],"#
                + #""j":5,"k":0.5}"#)
    }

    @Test("Foundation reads back what is written")
    func roundTrip() throws {
        let decoder = JSONDecoder()
        let text = try ModelEncoder.value(of: Samples.detail).printed
        let detail = try decoder.decode(OriginDetail.self, from: Data(text.utf8))
        #expect(detail.summary.firstByteP50Ms == 1.5)
        #expect(try ModelEncoder.value(of: detail).printed == text)
    }

    @Test("a control character, a quote and a number without end are written as JSON can say them")
    func escapes() throws {
        #expect(JSONValue.text("a\"\\\u{1}\n\u{7F}é").printed == "\"a\\\"\\\\\\u0001\\n\\u007fé\"")
        #expect(JSONValue.number(.infinity).printed == "null")
        #expect(JSONValue.number(3).printed == "3")
        #expect(JSONValue.number(0.25).printed == "0.25")
    }
}

@Suite("Times, tags, near misses")
struct TextTests {
    @Test(
        "a time is RFC 3339, a time ago, or milliseconds",
        arguments: [
            ("1700000000000", 1_700_000_000_000), ("0", 0), ("-1h", 1_000_000_000 - 3_600_000),
            ("-1h30m", 1_000_000_000 - 5_400_000),
            ("-250ms", 999_999_750), ("1970-01-01T00:00:00Z", 0), ("2025-01-31T12:00:00.123Z", 1_738_324_800_123),
            ("2024-02-29t23:59:60+01:30", 1_709_245_800_000), ("1969-12-31 23:59:59Z", -1000),
        ] as [(String, Int64)])
    func times(text: String, milliseconds: Int64) throws {
        #expect(TimeText.parse(text, now: 1_000_000_000) == milliseconds)
        #expect(text.contains(try Regex(TimeText.pattern)))
    }

    @Test(
        "any other text is no time",
        arguments: [
            "", "-", "-h", "-1", "-1y", "1h", "2025-02-29T00:00:00Z", "2025-01-31T24:00:00Z", "2025-01-31T12:00:00",
            "2025-01-31", "2025-01-31T12:00:00+0100", "9999999999999999999", "now", "2025-13-01T00:00:00Z",
            "2025-01-31T12:00:00.Z",
        ])
    func noTimes(text: String) {
        #expect(TimeText.parse(text, now: 0) == nil)
    }

    @Test(
        "a condition is * or a list of tags",
        arguments: [
            ("*", Revision.Condition.any), ("\"r7\"", .tags(strong: [7], weak: [])),
            ("\"r7\", W/\"r8\" ,\"x\"", .tags(strong: [7], weak: [8])), ("\"r07\"", .tags(strong: [], weak: [])),
            ("\"r99999999999999999999\"", .tags(strong: [], weak: [])),
        ])
    func conditions(field: String, condition: Revision.Condition) {
        #expect(Revision.condition(field) == condition)
    }

    @Test(
        "anything else is malformed",
        arguments: ["", " ", "r7", "\"r7", "\"r7\" \"r8\"", "**", "W/r7", "\"a b\"", "\"r7\"x"])
    func malformed(field: String) {
        #expect(Revision.condition(field) == nil)
    }

    @Test("an unknown name is met with what was meant, or with what there is")
    func suggestions() {
        #expect(Suggestion.of("resaon", among: ["reason", "settings"]) == "; did you mean `reason`?")
        #expect(Suggestion.of("zzz", among: ["reason", "to"]) == "; known are reason, to")
        #expect(Suggestion.of("zzz", among: []) == "; there are none here")
        #expect(Suggestion.of("zzz", among: (0..<13).map { "name\($0)" }).isEmpty)
    }

    @Test(
        "an unknown path is met with a like one",
        arguments: [
            ("/v1/orgins", "did you mean /v1/origins?"), ("/v1/setings/%2A", "did you mean /v1/settings/{pattern}?"),
            ("/status", "did you mean /v1/status?"), ("/metric", "did you mean /metrics?"), ("/v2/zzz", "GET / names"),
            ("/v1/status/", "did you mean /v1/status?"), ("/v1/origins/a/b/c", "did you mean /v1/origins?"),
        ])
    func paths(path: String, hint: String) {
        let table = RouteTable.standard([], version: "")
        do {
            _ = try table.find("GET", path)
            Issue.record("found")
        } catch {
            if case .notFound(let detail) = error { #expect(detail.contains(hint)) } else { Issue.record("\(error)") }
        }
    }
}

@Suite("Who may change something")
struct AuthenticationTests {
    private let rules = Authentication(listenHosts: ["10.0.0.5"], allowedHosts: [], token: nil, user: 990)
    private let headers: HTTPHeaders = ["Host": "10.0.0.5:3129"]

    @Test("over a Unix socket root and the daemon's own user may, and nobody else", arguments: [0, 990] as [UInt32])
    func mayChange(user: UInt32) throws {
        #expect(try rules.actor(of: headers, from: .user(user)).name == "uid:\(user)")
    }

    @Test("any other user, and one that the kernel does not name, is forbidden", arguments: [1, 991, nil] as [UInt32?])
    func mayNotChange(user: UInt32?) {
        let problem = #expect(throws: Problem.self) { try rules.actor(of: headers, from: .user(user)) }
        #expect(problem?.status == 403)
    }

    @Test("a literal address that is listened on may be the host")
    func listenHost() throws {
        try rules.admit(headers, from: .network)
        #expect(throws: Problem.self) { try rules.admit(["Host": "10.0.0.6"], from: .network) }
    }

    @Test(
        "localhost, loopback addresses and allowed names may be the host, with any port",
        arguments: [
            ("localhost", true), ("LOCALHOST:1", true), ("127.1.2.3:3129", true), ("[::1]:3129", true), ("[::1]", true),
            ("box.lan", true), ("Box.LAN:80", true), ("[2001:db8::5]:3129", true), ("[2001:db8::6]:3129", false),
            ("box.lan.evil", false), ("127.0.0.1.evil", false), ("[::1]x", false), ("localhost:x", false), ("", false),
        ])
    func hosts(authority: String, isAdmitted: Bool) {
        let rules = Authentication(
            listenHosts: [], allowedHosts: ["Box.lan", "[2001:db8::5]"], token: nil, user: 990)
        #expect(((try? rules.admit(["Host": authority], from: .network)) != nil) == isAdmitted)
    }
}
