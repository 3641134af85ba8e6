import FuzzTargets
import HTTPWire
import Testing

/// One message that must be refused, why, and where that is written.
struct Refused: CustomTestStringConvertible, Sendable {
    let text: String
    let fault: WireError
    let section: String
    var testDescription: String { "\(fault.name) \(text.debugDescription)" }

    init(_ text: String, _ fault: WireError, _ section: String) {
        self.text = text
        self.fault = fault
        self.section = section
    }

    /// With a request line and Host before, and the end of the head after.
    static func fields(_ lines: String, _ fault: WireError, _ section: String) -> Refused {
        Refused("POST http://h/ HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\r\n", fault, section)
    }

    static func target(_ target: String, _ fault: WireError, _ section: String, method: String = "GET") -> Refused {
        Refused("\(method) \(target) HTTP/1.1\r\nHost: h\r\n\r\n", fault, section)
    }
}

@Suite("Request heads that are refused")
struct RequestRefusalTests {
    private static let host = "\r\nHost: h\r\n\r\n"

    static let requestLines: [Refused] = [
        Refused("GET  http://h/ HTTP/1.1" + host, .badRequestLine, "9112 3"),
        Refused("GET http://h/  HTTP/1.1" + host, .badRequestLine, "9112 3"),
        Refused("GET http://h/ HTTP/1.1 " + host, .badRequestLine, "9112 3"),
        Refused("GET\thttp://h/ HTTP/1.1" + host, .badRequestLine, "9112 3"),
        Refused(" GET http://h/ HTTP/1.1" + host, .badRequestLine, "9112 3"),
        Refused("GET http://h/\tHTTP/1.1" + host, .badRequestLine, "9112 3"),
        Refused("GET http://h/" + host, .badRequestLine, "9112 3"),
        Refused("GET" + host, .badRequestLine, "9112 3"),
        Refused("GET http://h/ http/1.1" + host, .badRequestLine, "9112 2.3"),
        Refused("GET http://h/ HTTP/1.10" + host, .badRequestLine, "9112 2.3"),
        Refused("GET http://h/ HTTP/11" + host, .badRequestLine, "9112 2.3"),
        Refused("GET http://h/ HTTP/1,1" + host, .badRequestLine, "9112 2.3"),
        Refused("GET http://h/ HTTP/0.9" + host, .unsupportedVersion, "9110 15.6.6"),
        Refused("GET http://h/ HTTP/2.0" + host, .unsupportedVersion, "9110 15.6.6"),
        Refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion, "9113 3.4"),
        Refused("G(T http://h/ HTTP/1.1" + host, .badRequestLine, "9110 9.1"),
        Refused("G\u{E9}T http://h/ HTTP/1.1" + host, .badRequestLine, "9110 9.1"),
        Refused("\u{16}\u{03}\u{01}\u{02}", .badRequestLine, "9112 3"),
        Refused("SSH-2.0-OpenSSH_9.6\r\n", .badRequestLine, "9112 3"),
        Refused("\u{0}", .badRequestLine, "9112 3"),
        Refused(String(repeating: "A", count: 129) + " / HTTP/1.1" + host, .methodTooLong, "9112 3"),
        Refused("GET http://h/ HTTP/1.1\nHost: h\n\n", .bareLF, "9112 2.2"),
        Refused("GET http://h/ HTTP/1.1\rHost: h\r\n\r\n", .bareCR, "9112 2.2"),
        Refused("GET http://h/\nHost: h\r\n\r\n", .bareLF, "9112 2.2"),
        Refused("GET\n", .bareLF, "9112 2.2"),
        Refused("\nGET http://h/ HTTP/1.1" + host, .bareLF, "9112 2.2"),
        Refused("\rGET http://h/ HTTP/1.1" + host, .bareCR, "9112 2.2"),
        Refused("GET http://h/ HTTP/1.1\r\n Host: h\r\n\r\n", .foldedLine, "9112 2.2"),
    ]

    static let targets: [Refused] = [
        .target("http://h/a\u{E9}", .badTarget, "9112 3.2"), .target("http://h/#f", .badTarget, "9112 3.2"),
        .target("http://h/aaaaaaaaaaaa#aaaaaaaaaaaa", .badTarget, "9112 3.2"),
        .target("http://h/aaaaaaaaaaaa\u{7F}aaaaaaaaaaaa", .badTarget, "9112 3.2"),
        .target("http://h/aaaaaaaaaaaa\u{80}aaaaaaaaaaaa", .badTarget, "9112 3.2"),
        .target("http://h/aaaaaaaaaaaa\u{1}aaaaaaaaaaaa", .badTarget, "9112 3.2"),
        .target("http://h/\u{7F}", .badTarget, "9112 3.2"), .target("http://h/\u{0}", .badTarget, "9112 3.2"),
        .target("h", .badTarget, "9112 3.2"), .target("h/path", .badTarget, "9112 3.2"),
        .target("http:/h/", .badTarget, "9112 3.2.2"), .target("http:h", .badTarget, "9112 3.2.2"),
        .target("http://", .badTarget, "9110 4.2.1"), .target("http:///path", .badTarget, "9110 4.2.1"),
        .target("http://:80/", .badTarget, "9110 4.2.1"), .target("1http://h/", .badTarget, "3986 3.1"),
        .target("://h/", .badTarget, "3986 3.1"), .target("*", .badTarget, "9112 3.2.4"),
        .target("**", .badTarget, "9112 3.2.4", method: "OPTIONS"),
        .target("ftp://h/", .unsupportedScheme, "9110 4.2"), .target("httpx://h/", .unsupportedScheme, "9110 4.2"),
        .target("ws://h/", .unsupportedScheme, "9110 4.2"),
        .target("http://u@h/", .userinfoInTarget, "9110 4.2.4"),
        .target("http://u:p@h/", .userinfoInTarget, "9110 4.2.4"),
        .target("http://good\\@evil/", .userinfoInTarget, "9110 4.2.4"),
        .target("u@h:443", .userinfoInTarget, "9110 4.2.4", method: "CONNECT"),
        .target("http://h\\x/", .badTarget, "3986 3.2.2"), .target("http://a%2eb/", .percentInHost, "3986 3.2.2"),
        .target("http://a%00/", .percentInHost, "3986 3.2.2"), .target("http://a%2Fb/", .percentInHost, "3986 3.2.2"),
        .target("http://%31%32%37.0.0.1/", .percentInHost, "3986 3.2.2"),
        .target("http://b%C3%BCcher.example/", .percentInHost, "3986 3.2.2"),
        .target("127%2e0.0.1:443", .percentInHost, "3986 3.2.2", method: "CONNECT"),
        .target("http://b\u{FC}cher.example/", .hostBeyondASCII, "5890 2.3"),
        .target("http://h\u{E9}", .hostBeyondASCII, "5890 2.3"),
        .target("b\u{FC}cher.example:443", .hostBeyondASCII, "5890 2.3", method: "CONNECT"),
        .target("http://h?\u{E9}", .badTarget, "9112 3.2"), .target("/\u{E9}", .badTarget, "9112 3.2"),
        .target("http://a,b/", .badTarget, "3986 3.2.2"), .target("http://a..b/", .badTarget, "3986 3.2.2"),
        .target("http://.a/", .badTarget, "3986 3.2.2"), .target("http://./", .badTarget, "3986 3.2.2"),
        .target("http://" + String(repeating: "a", count: 256) + "/", .badTarget, "1035 2.3.4"),
        .target("http://h:0/", .badTarget, "3986 3.2.3"), .target("http://h:65536/", .badTarget, "3986 3.2.3"),
        .target("http://h:+80/", .badTarget, "3986 3.2.3"), .target("http://h:80:80/", .badTarget, "3986 3.2.3"),
        .target("http://h:000080/", .badTarget, "3986 3.2.3"), .target("http://h:8a/", .badTarget, "3986 3.2.3"),
        .target("http://[::1/", .badTarget, "3986 3.2.2"), .target("http://[::1]x/", .badTarget, "3986 3.2.2"),
        .target("http://[]/", .badTarget, "3986 3.2.2"), .target("http://[::1%25eth0]/", .percentInHost, "6874 2"),
        .target("http://[1:2:3]/", .badTarget, "4291 2.2"), .target("http://[1::2::3]/", .badTarget, "4291 2.2"),
        .target("http://[:1:2:3:4:5:6:7]/", .badTarget, "4291 2.2"),
        .target("http://[1:2:3:4:5:6:7:]/", .badTarget, "4291 2.2"),
        .target("http://[1:2:3:4:5:6:7:8:9]/", .badTarget, "4291 2.2"),
        .target("http://[::12345]/", .badTarget, "4291 2.2"),
        .target("http://[::1.2.3.04]/", .badTarget, "3986 3.2.2"),
        .target("http://[::1.2.3.256]/", .badTarget, "4291 2.2"), .target("http://[::1.2.3]/", .badTarget, "4291 2.2"),
        .target("http://[1:2:3:4:5:6:7::8]/", .badTarget, "4291 2.2"),
        .target("http://[v1.x]/", .badTarget, "3986 3.2.2"), .target("http://::1/", .badTarget, "3986 3.2.2"),
        .target("http://h/", .badTarget, "9112 3.2.3", method: "CONNECT"),
        .target("h", .badTarget, "9112 3.2.3", method: "CONNECT"),
        .target("h:", .badTarget, "9112 3.2.3", method: "CONNECT"),
        .target("h:1/", .badTarget, "9112 3.2.3", method: "CONNECT"),
        .target("/", .badTarget, "9112 3.2.3", method: "CONNECT"),
    ]

    static let lines: [Refused] = [
        .fields("A: b\nC: d", .bareLF, "9112 2.2"), .fields("A: b\rC: d", .bareCR, "9112 2.2"),
        .fields("A\n: b", .bareLF, "9112 2.2"), .fields("A: b\r\r", .bareCR, "9112 2.2"),
        .fields("A : b", .whitespaceBeforeColon, "9112 5.1"), .fields("A\t: b", .whitespaceBeforeColon, "9112 5.1"),
        .fields("A b: c", .whitespaceBeforeColon, "9112 5.1"),
        .fields("A: b\r\n c", .foldedLine, "9112 5.2"), .fields("A: b\r\n\tc: d", .foldedLine, "9112 5.2"),
        .fields("A: b\r\n \r\nC: d", .foldedLine, "9112 5.2"),
        .fields("A", .badFieldName, "9112 5"), .fields(": a", .badFieldName, "9110 5.1"),
        .fields("A(b: c", .badFieldName, "9110 5.1"), .fields("A\u{E9}: c", .badFieldName, "9110 5.1"),
        .fields("\"A\": c", .badFieldName, "9110 5.1"),
        .fields("A: \u{0}", .controlCharacter, "9110 5.5"), .fields("A: b\u{1}c", .controlCharacter, "9110 5.5"),
        .fields("A: \u{7F}", .controlCharacter, "9110 5.5"),
        .fields("A: aaaaaaaaaaaa\u{7F}aaaaaaaaaaaa", .controlCharacter, "9110 5.5"),
        .fields("A\u{0}: b", .controlCharacter, "9110 5.5"),
        .fields("A: aaaaaaaaaaaaaaaaaaaa\u{0B}aaaaaaaaaaaaaaa", .controlCharacter, "9110 5.5"),
        .fields("\u{1F}: b", .controlCharacter, "9110 5.5"),
    ]

    static let framing: [Refused] = [
        .fields("Content-Length:", .badContentLength, "9112 6.3"),
        .fields("Content-Length: -1", .badContentLength, "9112 6.3"),
        .fields("Content-Length: +1", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 1 2", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 0x1", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 1,", .badContentLength, "9112 6.3"),
        .fields("Content-Length: ,1", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 1.0", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 9223372036854775808", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 18446744073709551617", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 1\r\nContent-Length: 2", .differingContentLengths, "9112 6.3"),
        .fields("Content-Length: 1, 2", .differingContentLengths, "9112 6.3"),
        .fields("Content-Length: 1\r\nA: b\r\ncontent-length: x", .badContentLength, "9112 6.3"),
        .fields("Content-Length: 1\r\nTransfer-Encoding: chunked", .contentLengthWithTransferEncoding, "9112 6.1"),
        .fields("Transfer-Encoding: chunked\r\nContent-Length: 1", .contentLengthWithTransferEncoding, "9112 6.1"),
        .fields("Transfer-Encoding: gzip", .chunkedNotLast, "9112 6.3"),
        .fields("Transfer-Encoding: identity", .chunkedNotLast, "9112 6.3"),
        .fields("Transfer-Encoding: chunked, gzip", .chunkedNotLast, "9112 6.3"),
        .fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip", .chunkedNotLast, "9112 6.3"),
        .fields("Transfer-Encoding: xchunked", .chunkedNotLast, "9112 6.3"),
        .fields("Transfer-Encoding: chunked, chunked", .chunkedTwice, "9112 6.1"),
        .fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .chunkedTwice, "9112 6.1"),
        .fields("Transfer-Encoding: gzip, chunked, chunked", .chunkedTwice, "9112 6.1"),
        .fields("Transfer-Encoding: gzip, chunked", .unknownTransferCoding, "9112 6.1"),
        .fields("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .unknownTransferCoding, "9112 6.1"),
        .fields("Transfer-Encoding:", .badTransferEncoding, "9112 6.1"),
        .fields("Transfer-Encoding: ,chunked", .badTransferEncoding, "9112 6.1"),
        .fields("Transfer-Encoding: chunked;a=b", .badTransferEncoding, "9112 7.1"),
        .fields("Transfer-Encoding: \"chunked\"", .badTransferEncoding, "9112 6.1"),
        .fields("Transfer-Encoding: chunked chunked", .badTransferEncoding, "9112 6.1"),
        Refused(
            "POST http://h/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10, "9112 6.1"),
        Refused("CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", .connectWithBody, "9110 9.3.6"),
        Refused(
            "CONNECT h:1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", .connectWithBody, "9110 9.3.6"),
    ]

    static let routing: [Refused] = [
        Refused("GET http://h/ HTTP/1.1\r\n\r\n", .missingHost, "9112 3.2"),
        .fields("Host: h", .severalHosts, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .severalHosts, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n", .badHost, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost: a, b\r\n\r\n", .badHost, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost: a:b\r\n\r\n", .badHost, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost, "9112 3.2"),
        Refused("GET http://h/ HTTP/1.1\r\nHost: [::1\r\n\r\n", .badHost, "9112 3.2"),
        .fields("Connection: content-length\r\nContent-Length: 1", .nominatedFraming, "9110 7.6.1"),
        .fields("Connection: close, Transfer-Encoding", .nominatedFraming, "9110 7.6.1"),
        .fields("Connection: host", .nominatedFraming, "9110 7.6.1"),
        .fields("Proxy-Connection: HOST", .nominatedFraming, "9110 7.6.1"),
        .fields("Connection: via", .nominatedFraming, "9110 7.6.3"),
        .fields("Connection: max-forwards", .nominatedFraming, "9110 7.6.2"),
        .fields("Connection: a b", .badConnection, "9110 7.6.1"),
        .fields("Connection: close;x", .badConnection, "9110 7.6.1"),
        .fields("Connection: " + String(repeating: "a,", count: 65), .badConnection, "9110 7.6.1"),
        Refused("TRACE http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: x\r\n\r\n", .badMaxForwards, "9110 7.6.2"),
        Refused("TRACE http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards:\r\n\r\n", .badMaxForwards, "9110 7.6.2"),
        Refused(
            "OPTIONS http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n", .badMaxForwards,
            "9110 7.6.2"),
    ]

    static let all = requestLines + targets + lines + framing + routing

    @Test("what is malformed or ambiguous is refused, however it arrives", arguments: all)
    func refused(fixture: Refused) {
        #expect(Heads.request(fixture.text) == .refused(fixture.fault), "RFC \(fixture.section)")
    }

    @Test("nearly all faults of requests have a fixture")
    func coverage() {
        let ofOthers: [WireError] = [
            .badStatusLine, .targetTooLong, .headTooLarge, .tooManyFields, .badChunkSize, .badChunkExtension,
            .chunkExtensionTooLong, .badChunkEnd, .badTrailer, .forbiddenTrailer, .trailersTooLarge,
        ]
        #expect(Set(WireError.allCases).subtracting(Self.all.map(\.fault)) == Set(ofOthers))
    }

    @Test(
        "what can no longer become a request is refused before its head ends",
        arguments: [
            ("\u{16}", WireError.badRequestLine), ("GET http://h/ HTTP/1.1\n", .bareLF),
            ("GET http://h/ HTTX", .badRequestLine),
            ("GET http://h/ HTTP/1.1\r\nA: \n", .bareLF), ("GET http://h/ HTTP/1.1\r\nA ", .whitespaceBeforeColon),
            ("GET http://h/ HTTP/1.1\r\nHost: h\r\n ", .foldedLine), ("GET /\n", .bareLF),
            ("SSH-2.0-x\r", .badRequestLine),
        ])
    func early(text: String, fault: WireError) {
        #expect(Heads.request(text) == .refused(fault))
    }

    @Test("each fault has its own name, a status and a message of one line")
    func names() {
        #expect(Set(WireError.allCases.map(\.name)).count == WireError.allCases.count)
        for fault in WireError.allCases {
            #expect([400, 414, 431, 501, 505].contains(fault.status))
            #expect(fault.message.hasSuffix(".") && !fault.message.contains("\n"))
            #expect(fault.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
        }
    }
}
