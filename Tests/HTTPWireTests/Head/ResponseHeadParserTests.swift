import FuzzTargets
import HTTPWire
import Testing

@Suite("Response heads")
struct ResponseHeadParserTests {
    private func text(_ message: String, _ range: Range<Int>) -> String { Wire.text(Wire.bytes(message)[range]) }

    @Test("the parts of a response head are found where they are")
    func parts() throws {
        let message = "HTTP/1.1 404 Not \u{E9} found\t!\r\nContent-Length: 12\r\nX: y\r\n\r\nbody"
        let head = try Heads.acceptedResponse(message)
        #expect(head.status == 404 && head.version == .http11)
        #expect(text(message, head.reason) == "Not \u{E9} found\t!")
        #expect(head.framing == .length(12) && head.persistent)
        #expect(head.length == Wire.bytes(message).count - 4)
    }

    @Test(
        "the space before an empty reason may be missing", arguments: ["HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n"])
    func emptyReason(message: String) throws {
        let head = try Heads.acceptedResponse(message)
        #expect(head.status == 200 && head.reason.isEmpty && head.framing == .untilClose)
    }

    static let refused: [Refused] = [
        Refused("\r\nHTTP/1.1 200 OK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("HTTP/1.1 20 OK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("HTTP/1.1 099 OK\r\n\r\n", .badStatusLine, "9110 15"),
        Refused("HTTP/1.1 600 OK\r\n\r\n", .badStatusLine, "9110 15"),
        Refused("HTTP/1.1 2x0 OK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("HTTP/1.1 200\tOK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("HTTP/1.1 200 O\u{0}K\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("http/1.1 200 OK\r\n\r\n", .badStatusLine, "9112 2.3"),
        Refused("ICY 200 OK\r\n\r\n", .badStatusLine, "9112 4"),
        Refused("<html>", .badStatusLine, "1945 6.1"),
        Refused("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion, "9110 2.5"),
        Refused("HTTP/1.1 200 OK\nA: b\n\n", .bareLF, "9112 2.2"),
        Refused("HTTP/1.1 200\n\n", .bareLF, "9112 2.2"),
        Refused("HTTP/1.1 200 OK\rA: b\r\n\r\n", .bareCR, "9112 2.2"),
        Refused("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", .foldedLine, "9112 5.2"),
        Refused("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .foldedLine, "9112 5.2"),
        Refused("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .whitespaceBeforeColon, "9112 5.1"),
        Refused(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .differingContentLengths, "9112 6.3"),
        Refused("HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n", .badContentLength, "9112 6.3"),
        Refused(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentLengthWithTransferEncoding, "9112 6.1"),
        Refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10, "9112 6.1"),
        Refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .chunkedNotLast, "9112 6.3"),
        Refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unknownTransferCoding, "9112 6.1"),
        Refused("HTTP/1.1 200 OK\r\nConnection: content-length\r\n\r\n", .nominatedFraming, "9110 7.6.1"),
    ]

    @Test("what is malformed or ambiguous is refused, however it arrives", arguments: refused)
    func refusals(fixture: Refused) {
        #expect(Heads.response(fixture.text) == .refused(fixture.fault), "RFC \(fixture.section)")
    }

    @Test(
        "an origin keeps the connection by its version, what it says, and where the body ends",
        arguments: [
            ("1.1", "Content-Length: 1", true), ("1.1", "Transfer-Encoding: chunked", true), ("1.1", "X: y", false),
            ("1.1", "Content-Length: 1\r\nConnection: close", false),
            ("1.1", "Content-Length: 1\r\nConnection: a b", false),
            ("1.1", "Content-Length: 1\r\nProxy-Connection: close", false),
            ("1.0", "Content-Length: 1", false), ("1.0", "Content-Length: 1\r\nConnection: keep-alive", true),
            ("1.0", "Connection: keep-alive", false),
            ("1.0", "Content-Length: 1\r\nProxy-Connection: keep-alive", false),
            ("1.0", "Content-Length: 1\r\nConnection: keep-alive, close", false),
        ])
    func persistence(version: String, lines: String, persists: Bool) throws {
        #expect(try Heads.acceptedResponse("HTTP/\(version) 200 OK\r\n\(lines)\r\n\r\n").persistent == persists)
    }

    @Test(
        "1xx but 101 is interim; 101 ends HTTP on its connection",
        arguments: [
            (100, true), (103, true), (101, false), (199, true), (200, false),
        ])
    func informational(status: Int, interim: Bool) throws {
        let head = try Heads.acceptedResponse("HTTP/1.1 \(status) x\r\n\r\n")
        #expect(head.isInformational == interim)
        if status == 101 { #expect(!head.persistent && head.framing == .none) }
    }

    @Test(
        "Keep-Alive hints are read, the smallest of several, and nonsense is as if not said",
        arguments: [
            ("timeout=5, max=100", 5, 100), ("Timeout=5", 5, nil), ("max=7", nil, 7), ("timeout=5, timeout=3", 3, nil),
            ("timeout=x, max=-1", nil, nil), ("timeout = 5", nil, nil), ("", nil, nil), ("timeout=", nil, nil),
            ("foo=1, max=2;x, timeout=9", 9, nil), ("300", nil, nil),
        ])
    func hints(value: String, timeout: Int?, max: Int?) throws {
        let head = try Heads.acceptedResponse("HTTP/1.1 200 OK\r\nKeep-Alive: \(value)\r\n\r\n")
        #expect(head.keepAliveTimeout == timeout && head.keepAliveMax == max)
    }

    @Test("an origin may name Transfer-Encoding in Connection")
    func nominatedTransferEncoding() throws {
        let message =
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n"
        let head = try Heads.acceptedResponse(message)
        #expect(head.framing == .chunked && !head.lines[1].dropped)
    }
}
