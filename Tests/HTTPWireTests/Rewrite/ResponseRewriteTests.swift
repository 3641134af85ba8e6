import FuzzTargets
import HTTPWire
import Testing

@Suite("Responses as they are sent on")
struct ResponseRewriteTests {
    private let via = "Via: 1.1 connd\r\n"

    @Test(
        "the status line is of HTTP/1.1 with the origin's reason",
        arguments: [
            ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"), ("HTTP/1.0 404 Not  Found ", "HTTP/1.1 404 Not  Found "),
            ("HTTP/1.1 299", "HTTP/1.1 299 "), ("HTTP/1.1 500 ", "HTTP/1.1 500 "),
        ])
    func statusLine(line: String, expected: String) throws {
        #expect(try Heads.rewrittenResponse(line + "\r\nA: b\r\n\r\n") == "\(expected)\r\nA: b\r\n\(via)\r\n")
    }

    @Test("kept lines pass byte for byte, hop-by-hop fields and nominated ones do not")
    func lines() throws {
        let message =
            "HTTP/1.1 200 OK\r\nset-COOKIE:  a\r\nSet-Cookie: b\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            + "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nProxy-Authenticate: Basic\r\nProxy-Authentication-Info: x\r\n"
            + "Upgrade: h2\r\nTE: x\r\nContent-Length: 3\r\nHost: odd\r\nTrailer: Y\r\n\r\n"
        #expect(
            try Heads.rewrittenResponse(message)
                == "HTTP/1.1 200 OK\r\nset-COOKIE:  a\r\nSet-Cookie: b\r\nContent-Length: 3\r\nHost: odd\r\nTrailer: Y\r\n"
                + via + "\r\n")
    }

    @Test(
        "each client is told what becomes of its own connection",
        arguments: [
            (HTTPVersion.http11, true, ""), (.http11, false, "Connection: close\r\n"),
            (.http10, false, "Connection: close\r\n"),
            (.http10, true, "Connection: keep-alive\r\nKeep-Alive: timeout=300, max=99\r\n"),
        ])
    func connection(version: HTTPVersion, persists: Bool, lines: String) throws {
        let shape = ResponseShape(clientVersion: version, persists: persists, keepAliveTimeout: 300, keepAliveMax: 99)
        let message = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
        #expect(
            try Heads.rewrittenResponse(message, to: shape)
                == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\(via)\(lines)\r\n")
        #expect(
            try Heads.rewrittenResponse("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", to: shape)
                == "HTTP/1.1 103 Early\r\nLink: x\r\n\(via)\r\n")
    }

    @Test("for a client that knows no chunks, Transfer-Encoding and Trailer go")
    func dechunk() throws {
        let shape = ResponseShape(clientVersion: .http10, persists: false, dechunk: true)
        let message = "HTTP/1.1 200 OK\r\nA: 1\r\nTransfer-Encoding:  chunked\r\nTrailer: X\r\nB: 2\r\nC: 3\r\n\r\n"
        #expect(
            try Heads.rewrittenResponse(message, to: shape)
                == "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\(via)Connection: close\r\n\r\n")
    }

    @Test("for a client that knows no chunks, a length is still sent on as one canonical line")
    func dechunkWithLength() throws {
        let shape = ResponseShape(clientVersion: .http10, persists: false, dechunk: true)
        #expect(
            try Heads.rewrittenResponse("HTTP/1.1 200 OK\r\nContent-Length: 048\r\n\r\n", to: shape)
                == "HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\(via)Connection: close\r\n\r\n")
    }

    @Test("a passed upgrade keeps its Upgrade field")
    func upgrade() throws {
        let message = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec: x\r\n\r\n"
        #expect(
            try Heads.rewrittenResponse(message, to: ResponseShape(passUpgrade: true))
                == "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nSec: x\r\n\(via)Connection: upgrade\r\n\r\n")
    }

    @Test(
        "1xx, 204 and 2xx to CONNECT lose framing that may not stand there; HEAD and 304 keep theirs",
        arguments: [
            (Method.get, "204 x", "Content-Length: 0", ""), (.get, "103 x", "Content-Length: 0", ""),
            (.get, "204 x", "Transfer-Encoding:  chunked", ""), (.connect, "200 x", "Content-Length: 05", ""),
            (.head, "200 x", "Content-Length: 7", "Content-Length: 7\r\n"),
            (.get, "304 x", "Content-Length: 7", "Content-Length: 7\r\n"),
            (.head, "200 x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\n"),
            (.head, "200 x", "Content-Length: 7, 7", "Content-Length: 7\r\n"),
            (.connect, "302 x", "Content-Length: 7", "Content-Length: 7\r\n"),
        ])
    func bodiless(method: Method, status: String, line: String, kept: String) throws {
        #expect(
            try Heads.rewrittenResponse("HTTP/1.1 \(status)\r\n\(line)\r\n\r\n", method: method)
                == "HTTP/1.1 \(status)\r\n\(kept)\(via)\r\n")
    }

    @Test(
        "framing is sent on as one canonical line",
        arguments: [
            ("Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\n"),
            ("Content-Length: 5,5", "Content-Length: 5\r\n"),
            ("Transfer-Encoding:   chunked", "Transfer-Encoding: chunked\r\n"),
            ("transfer-encoding:chunked", "transfer-encoding:chunked\r\n"),
        ])
    func framing(lines: String, expected: String) throws {
        #expect(
            try Heads.rewrittenResponse("HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n")
                == "HTTP/1.1 200 OK\r\n\(expected)\(via)\r\n")
    }
}
