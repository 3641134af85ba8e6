import HTTPWire
import ProxyTypes

/// The hand-made messages that the differential tests begin with, and how they are changed.
enum Messages {
    static let requestLines = [
        "GET http://h/ HTTP/1.1", "POST http://h:8080/a?b HTTP/1.1", "HEAD http://h/ HTTP/1.1",
        "PUT http://h/x HTTP/1.0",
        "OPTIONS http://h HTTP/1.1", "CONNECT h:443 HTTP/1.1", "DELETE https://[::1]/ HTTP/1.1",
        "PATCH http://h/ HTTP/1.1",
        "GET http://h/ HTTP/1.2", "GET http://h/ HTTP/2.0", "GET  http://h/ HTTP/1.1", "GET http://h/ HTTP/1.1 ",
        "FOO http://h/ HTTP/1.1", "GET http://u@h/ HTTP/1.1", "GET /origin HTTP/1.1", "GET http://h/\u{E9} HTTP/1.1",
        "GET http://h/#f HTTP/1.1", "GET http://h/", "TRACE http://h/ HTTP/1.1", "GET http://h:99999/ HTTP/1.1",
    ]

    /// Lines and what follows the head.
    static let parts = [
        ("", ""), ("", "GET "), ("A: b\r\n", ""), ("A:b\r\na: c\r\n", ""), ("A:\r\n", ""), ("A: \t b \t\r\n", ""),
        ("Content-Length: 5\r\n", "helloGET "), ("Content-Length: 5\r\n", "hel"), ("Content-Length: 0\r\n", "x"),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        ("Content-Length: 5, 5\r\n", "hello"), ("Content-Length: +5\r\n", "hello"),
        ("Content-Length: 5 5\r\n", "hello"),
        ("Content-Length: 05\r\n", "hello"), ("Content-Length:\r\n", ""),
        ("Content-Length: 99999999999999999999\r\n", "x"),
        ("Content-Length : 5\r\n", "hello"), ("Content-Length: 0x5\r\n", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\nGET "),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhel"),
        ("Transfer-Encoding: CHUNKED\r\n", "0\r\nA: b\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5 \r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5;\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhelloX\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "x\r\n"), ("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 5\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), ("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), ("Transfer-Encoding: identity\r\n", ""),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), ("Transfer-Encoding:\tchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: \u{0B}chunked\r\n", "0\r\n\r\n"), ("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
        ("A : b\r\n", ""), ("A b: c\r\n", ""), (" A: b\r\n", ""), ("A: b\r\n c\r\n", ""), ("A\r\n", ""),
        (": b\r\n", ""),
        ("A: b\nC: d\r\n", ""), ("A: b\rC: d\r\n", ""), ("A: \u{0}\r\n", ""), ("A: \u{7F}\r\n", ""),
        ("A: \u{80}\r\n", ""),
        ("A(: b\r\n", ""), ("Host: i\r\n", ""), ("Host: \r\n", ""), ("Connection: close\r\n", "x"),
        ("Connection: close\r\nContent-Length: 2\r\n", "hi"),
        ("Connection: content-length\r\nContent-Length: 2\r\n", "hi"),
        ("Connection: upgrade\r\nUpgrade: websocket\r\n", "data"),
        ("Expect: 100-continue\r\nContent-Length: 2\r\n", "hi"),
        ("Connection: Upgrade\r\nUpgrade: a\r\nContent-Length: 2\r\n", "hi"), ("Connection: a b\r\n", ""),
    ]

    static let statusLines = [
        "HTTP/1.1 200 OK", "HTTP/1.0 404 Not Found", "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified",
        "HTTP/1.1 200",
        "HTTP/1.1 200 ", "HTTP/1.1 103 Early Hints", "HTTP/1.1 500 \u{E9}\t", "HTTP/1.1 20 OK", "HTTP/1.1  200 OK",
        "HTTP/2.0 200 OK", "HTTP/1.3 200 OK", "HTTP/1.1 999 x", "http/1.1 200 OK", "ICY 200 OK",
    ]

    static let requests: [String] = requestLines.flatMap { line in
        parts.map { "\(line)\r\nHost: h\r\n\($0.0)\r\n\($0.1)" }
    }

    static let responses: [String] = statusLines.flatMap { line in parts.map { "\(line)\r\n\($0.0)\r\n\($0.1)" } }

    private static let pieces = [
        "\r\n", "\n", "\r", " ", "\t", ",", ";", ":", "0", "5", "chunked", "Content-Length: 5\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Connection: close\r\n", "Host: i\r\n",
        "\u{0}",
        "\u{0B}", "\u{7F}", "\u{80}", "\"", "0\r\n\r\n", "\r\n\r\n", "HTTP/1.0", "/", "@",
        "Connection: te\r\nTE: trailers\r\n",
    ].map { bytes($0) }

    static func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

    /// One to three changes: a byte replaced, taken out, or some bytes put in, or a part repeated.
    static func mutated(_ message: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = message
        for _ in 0...random.below(3) where !bytes.isEmpty {
            let at = random.below(bytes.count)
            switch random.below(5) {
            case 0: bytes[at] = UInt8(random.below(256))
            case 1: bytes.remove(at: at)
            case 2: bytes[at] ^= 0x20
            case 3:
                let end = min(at + 1 + random.below(24), bytes.count)
                bytes.insert(contentsOf: Array(bytes[at..<end]), at: random.below(bytes.count))
            default: bytes.insert(contentsOf: pieces[random.below(pieces.count)], at: at)
            }
        }
        return bytes
    }
}
