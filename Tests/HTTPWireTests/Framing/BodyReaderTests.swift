import FuzzTargets
import HTTPWire
import TestSupport
import Testing

@Suite("Bodies in pieces")
struct BodyReaderTests {
    @Test(
        "no body and a body of no bytes are complete at once; one that ends by close never before",
        arguments: [
            (BodyFraming.none, true), (.length(0), true), (.length(1), false), (.chunked, false), (.untilClose, false),
        ])
    func atOnce(framing: BodyFraming, complete: Bool) {
        var reader = BodyReader(framing, trailers: ChunkChecks.rules)
        #expect(reader.isComplete == complete)
        #expect(reader.end() == (complete || framing == .untilClose))
        #expect(reader.isComplete == (complete || framing == .untilClose))
    }

    @Test("a reader is at most 48 bytes")
    func size() {
        #expect(MemoryLayout<BodyReader>.stride <= 48)
    }

    @Test("a body with a length takes so many bytes and no more, at every split")
    func length() {
        let bytes = Wire.bytes("12345GET ")
        for pieces in Splits.pieces(of: bytes) {
            let outcome = ChunkChecks.read(pieces, decoding: true, framing: .length(5))
            #expect(outcome.complete && outcome.fault == nil && outcome.taken == 5)
            #expect(outcome.content == Wire.bytes("12345") && outcome.passed == outcome.content)
        }
        let cut = ChunkChecks.read([Wire.bytes("1234")], decoding: false, framing: .length(5))
        #expect(cut.taken == 4 && !cut.complete)
    }

    @Test("lengths beyond 32 bits count down right")
    func longLength() throws {
        var reader = BodyReader(.length(9_223_372_036_854_775_807), trailers: ChunkChecks.rules)
        #expect(try reader.consume([UInt8](repeating: 0, count: 100).span.bytes) == 100)
        #expect(!reader.isComplete && !reader.end())
    }

    @Test("a body that ends by close takes all, and is whole when the peer closed")
    func untilClose() throws {
        var reader = BodyReader(.untilClose, trailers: ChunkChecks.rules)
        #expect(try reader.consume([UInt8](repeating: 1, count: 3).span.bytes) == 3)
        #expect(!reader.isComplete)
        #expect(reader.end() && reader.isComplete)
    }

    static let good: [(String, String)] = [
        ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("A\r\n0123456789\r\n000\r\n\r\n", "0123456789"), ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0000000000000001\r\nx\r\n0000000000000000\r\n\r\n", "x"),
        ("1;a\r\nx\r\n0;b=c;d=\"e;\\\"f\r\\\t \"\r\n\r\n".replacing("\r\\", with: "\\"), "x"),
        ("2;name=\"q u o\tt\u{E9}\"\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("1\r\nx\r\n0\r\nA: b\r\nX-Checksum:\r\n\r\n", "x"), ("0\r\nDate: \u{E9}\tx\r\n\r\n", ""),
        ("0\r\nContent-Lengt: 1\r\nHosts: 2\r\nProxy-Authentication-Info-And-More-Bytes: 3\r\n\r\n", ""),
    ]

    @Test("chunked bodies pass whole, and their content is found, at every split", arguments: good)
    func chunked(body: String, content: String) {
        let bytes = Wire.bytes(body)
        for pieces in Splits.pieces(of: bytes + Wire.bytes("5\r\nnext")) {
            let decoded = ChunkChecks.read(pieces, decoding: true)
            #expect(decoded.complete && decoded.fault == nil && decoded.content == Wire.bytes(content))
            let passed = ChunkChecks.read(pieces, decoding: false)
            #expect(passed.complete && passed.fault == nil && passed.passed == bytes)
            #expect(decoded.taken == bytes.count && passed.taken == bytes.count)
        }
    }

    @Test("a chunked body that is cut anywhere is not whole, and what was passed on does not look so", arguments: good)
    func cut(body: String, content: String) {
        let bytes = Wire.bytes(body)
        for count in 0..<bytes.count {
            for pieces in [[Array(bytes[..<count])], bytes[..<count].map { [$0] }] {
                let outcome = ChunkChecks.read(pieces, decoding: false)
                #expect(!outcome.complete && outcome.fault == nil, "after \(count)")
                #expect(!ChunkChecks.looksWhole(outcome.passed), "after \(count)")
                #expect(outcome.passed.elementsEqual(bytes.prefix(outcome.taken)))
            }
        }
        #expect(ChunkChecks.looksWhole(bytes))
    }

    /// The beginning of the end: the rest of it is not passed on before the empty line has come.
    static let ends: [(String, Int)] = [
        ("5\r\nhello\r\n0\r\n\r\n", 10), ("5\r\nhello\r\n00000\r\n\r\n", 10), ("0\r\n\r\n", 0),
        ("1\r\nx\r\n0;a=\"0\\\"\";b\r\n\r\n", 6), ("1\r\n0\r\n0\r\nA: b\r\nC:\r\n\r\n", 6),
        ("05\r\n0\r\n\r\n\r\n0\r\n\r\n", 11),
    ]

    @Test("the end of a chunked body is taken in one piece; all before it at once", arguments: ends)
    func end(body: String, start: Int) throws {
        let bytes = Wire.bytes(body)
        for count in 0...bytes.count {
            var reader = BodyReader(.chunked, trailers: ChunkChecks.rules)
            let taken = try reader.consume(bytes.span.bytes.extracting(first: count))
            // The zeros before a size are held too, until the first digit that is none.
            let zeros = body.hasPrefix("05") && count == 1 ? 1 : 0
            #expect(taken == (count == bytes.count ? count : min(count, start) - zeros), "after \(count)")
            let rest = bytes.span.bytes.extracting(taken...)
            #expect(try reader.consume(rest) == rest.byteCount && reader.isComplete, "after \(count)")
        }
    }

    @Test("what is held while the end comes is bounded by the limits of its parts")
    func held() {
        let line = "A: " + String(repeating: "b", count: 248) + "\r\n"
        let end = "0000000000000000;" + String(repeating: "e", count: 4_095) + "\r\n" + line + "\r\n"
        let outcome = ChunkChecks.read(Wire.bytes(end).map { [$0] }, decoding: false)
        #expect(outcome.complete && outcome.mostHeld == end.utf8.count - 1)
        let more = ChunkChecks.read(Wire.bytes(end.replacing("b\r\n", with: "bbbbb\r\n")).map { [$0] }, decoding: false)
        #expect(more.fault == .trailersTooLarge && more.passed.isEmpty)
    }

    static let forbidden = [
        "Content-Length", "transfer-ENCODING", "Host", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
        "Upgrade", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Authentication-Info", "Expect", "Max-Forwards",
        "x-hop",
    ]

    @Test("a trailer that must not be there is dropped from a response, alone, at every split", arguments: forbidden)
    func dropped(name: String) {
        let rules = TrailerRules(maxBytes: 256, forbidden: .dropped, nominated: Array("close, X-Hop".utf8))
        let line = "\(name): 1\r\n"
        for (before, after) in [("", ""), ("A: b\r\n", ""), ("", "X-Hops: 0\r\n"), ("A:\r\n", "\(line)B: c\r\n")] {
            let body = "1\r\nx\r\n0;e\r\n" + before + line + after + "\r\n"
            let left = body.replacing(line, with: "")
            for pieces in Splits.pieces(of: Wire.bytes(body + "HTTP/1.1 200 OK")) {
                let outcome = ChunkChecks.read(pieces, decoding: false, rules: rules)
                #expect(outcome.complete && outcome.fault == nil && outcome.taken == body.utf8.count)
                #expect(Wire.text(outcome.passed) == left)
                #expect(Wire.text(ChunkChecks.read(pieces, decoding: true, rules: rules).content) == "x")
            }
        }
    }

    @Test("where forbidden trailers are dropped, a malformed line still is a fault")
    func malformedBesideDropped() {
        let rules = TrailerRules(maxBytes: 256, forbidden: .dropped)
        for (line, fault) in [
            ("A : b", WireError.whitespaceBeforeColon), ("A", .badTrailer), ("A: \u{0}", .controlCharacter),
        ] {
            let bytes = Wire.bytes("1\r\nx\r\n0\r\nHost: h\r\n\(line)\r\n\r\n")
            for pieces in Splits.pieces(of: bytes) {
                let outcome = ChunkChecks.read(pieces, decoding: false, rules: rules)
                #expect(outcome.fault == fault && !outcome.complete && !ChunkChecks.looksWhole(outcome.passed))
            }
        }
    }

    static let bad: [Refused] = [
        Refused("\r\n", .badChunkSize, "9112 7.1"), Refused("g\r\n", .badChunkSize, "9112 7.1"),
        Refused(" 5\r\nhello\r\n", .badChunkSize, "9112 7.1"), Refused("5 \r\nhello\r\n", .badChunkSize, "9112 7.1.1"),
        Refused("+5\r\nhello\r\n", .badChunkSize, "9112 7.1"), Refused("-5\r\nhello\r\n", .badChunkSize, "9112 7.1"),
        Refused("0x5\r\nhello\r\n", .badChunkSize, "9112 7.1"), Refused("5\t;a\r\n", .badChunkSize, "9112 7.1.1"),
        Refused("00000000000000005\r\n", .badChunkSize, "9112 7.1"),
        Refused("8000000000000000\r\n", .badChunkSize, "9112 7.1"),
        Refused("ffffffffffffffff\r\n", .badChunkSize, "9112 7.1"),
        Refused("10000000000000000\r\n", .badChunkSize, "9112 7.1"), Refused("5,\r\n", .badChunkSize, "9112 7.1"),
        Refused("5\nhello\r\n", .bareLF, "9112 2.2"), Refused("\n", .bareLF, "9112 2.2"),
        Refused("5\rhello\r\n", .bareCR, "9112 2.2"), Refused("5;a\rb\r\n", .bareCR, "9112 2.2"),
        Refused("5;a\nhello\r\n", .bareLF, "9112 7.1.1"), Refused("5;a=\"\n\"\r\n", .bareLF, "9112 7.1.1"),
        Refused("5;\r\nhello\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5; a\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;a =b\r\n", .badChunkExtension, "9112 7.1.1"), Refused("5;a=\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;a=b=c\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;a=\"b\"c\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;a=\"\u{0}\"\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;a=\"\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;a=\"\\\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("5;\u{1}\r\n", .badChunkExtension, "9112 7.1.1"),
        Refused("1;" + String(repeating: "a", count: 4_097), .chunkExtensionTooLong, "9112 7.1.1"),
        Refused("2\r\nabc\r\n", .badChunkEnd, "9112 7.1"), Refused("2\r\nab\n", .badChunkEnd, "9112 7.1"),
        Refused("2\r\nab\rx", .badChunkEnd, "9112 7.1"),
        Refused("0\r\n\n", .bareLF, "9112 7.1.2"), Refused("0\r\n\rx", .bareCR, "9112 7.1.2"),
        Refused("0\r\nA: b\n\r\n", .bareLF, "9112 7.1.2"), Refused("0\r\nA: b\rc\r\n", .bareCR, "9112 7.1.2"),
        Refused("0\r\n A: b\r\n", .foldedLine, "9112 5.2"), Refused("0\r\nA: b\r\n\tc\r\n", .foldedLine, "9112 5.2"),
        Refused("0\r\nA : b\r\n", .whitespaceBeforeColon, "9112 5.1"),
        Refused("0\r\nA\r\n\r\n", .badTrailer, "9112 7.1.2"),
        Refused("0\r\n: b\r\n\r\n", .badTrailer, "9112 7.1.2"),
        Refused("0\r\nA(: b\r\n\r\n", .badTrailer, "9112 7.1.2"),
        Refused("0\r\nA: \u{0}\r\n\r\n", .controlCharacter, "9110 5.5"),
        Refused("0\r\nContent-Length: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\ntransfer-ENCODING: chunked\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nA: b\r\nHost: h\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nConnection: close\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nKeep-Alive: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nProxy-Connection: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nTE: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nTrailer: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nUpgrade: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nProxy-Authorization: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nProxy-Authenticate: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nExpect: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nProxy-Authentication-Info: 1\r\n\r\n", .forbiddenTrailer, "9110 7.6.1"),
        Refused("0\r\nX-HOP: 1\r\n\r\n", .forbiddenTrailer, "9110 7.6.1"),
        Refused("0\r\nMax-Forwards: 1\r\n\r\n", .forbiddenTrailer, "9110 6.5.1"),
        Refused("0\r\nA: " + String(repeating: "a", count: 300) + "\r\n\r\n", .trailersTooLarge, "9112 7.1.2"),
    ]

    @Test("a malformed chunk, extension or trailer is refused, at every split", arguments: bad)
    func refused(fixture: Refused) {
        // One split of the long ones is enough: the bytes are looked at one by one.
        let bytes = Wire.bytes(fixture.text)
        let ways = bytes.count > 400 ? [[bytes]] : Splits.pieces(of: bytes)
        for pieces in ways {
            #expect(ChunkChecks.read(pieces, decoding: true).fault == fixture.fault, "RFC \(fixture.section)")
            #expect(ChunkChecks.read(pieces, decoding: false).fault == fixture.fault)
        }
    }

    @Test("every fault of chunks has a fixture")
    func coverage() {
        let chunkFaults: Set<WireError> = [
            .badChunkSize, .badChunkExtension, .chunkExtensionTooLong, .badChunkEnd, .badTrailer, .forbiddenTrailer,
            .trailersTooLarge,
        ]
        #expect(chunkFaults.isSubset(of: Set(Self.bad.map(\.fault))))
    }

    @Test("trailers of just the limit pass, one byte more is refused")
    func trailerLimit() {
        let lines = "A: b\r\nC: d\r\n"
        for (limit, fault) in [(lines.utf8.count, nil), (lines.utf8.count - 1, WireError.trailersTooLarge)] {
            let outcome = ChunkChecks.read(
                [Wire.bytes("0\r\n\(lines)\r\n")], decoding: false, rules: TrailerRules(maxBytes: limit))
            #expect(outcome.fault == fault && outcome.complete == (fault == nil))
        }
        let none = TrailerRules(maxBytes: 0)
        #expect(ChunkChecks.read([Wire.bytes("0\r\n\r\n")], decoding: false, rules: none).complete)
    }

    @Test("an extension of just the limit passes")
    func extensionLimit() {
        let body = "0;" + String(repeating: "a", count: 4_095) + "\r\n\r\n"
        #expect(ChunkChecks.read([Wire.bytes(body)], decoding: false).complete)
        let more = "0;" + String(repeating: "a", count: 4_096) + "\r\n\r\n"
        #expect(ChunkChecks.read([Wire.bytes(more)], decoding: false).fault == .chunkExtensionTooLong)
    }
}
