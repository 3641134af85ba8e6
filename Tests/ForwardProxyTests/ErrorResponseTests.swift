import HTTPWire
import ProxyTypes
import Reactor
import Testing

@testable import ForwardProxy

@Suite("Error answers")
struct ErrorResponseTests {
    private func text(
        _ response: ErrorResponse, isHead: Bool = false, persists: Bool = true, version: HTTPVersion = .http11
    ) -> String {
        var store = ByteQueue()
        let origin = Origin(scheme: .http, host: "example.com", port: 8080)
        response.write(
            into: &store, origin: origin, isHead: isHead, persists: persists, version: version, now: 784_111_777)
        return String(decoding: store.bytes, as: UTF8.self)
    }

    @Test("every kind of failure has a status and a name of RFC 9209", arguments: ProxyError.Kind.allCases)
    func kindsHaveStatuses(kind: ProxyError.Kind) {
        let response = ErrorResponse(ProxyError(kind, detail: "why"))
        #expect((400...599).contains(response.status))
        let answer = text(response)
        #expect(answer.hasPrefix("HTTP/1.1 \(response.status) "))
        #expect(answer.contains("\r\nProxy-Status: connd; error=\(kind.name); details=\"why\"\r\n"))
        #expect(!answer.hasPrefix("HTTP/1.1 \(response.status) Error\r\n"), "the status has no reason phrase")
    }

    @Test("Content-Length is that of the body, whose one line names failure and origin")
    func lengthFits() throws {
        let answer = text(ErrorResponse(ProxyError(.connectionRefused, detail: "127.0.0.1:1 refused the connection")))
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
        let body = try #require(parts.last)
        #expect(answer.contains("\r\nContent-Length: \(body.utf8.count)\r\n"))
        #expect(body.hasSuffix("\n") && body.dropLast().allSatisfy { $0 != "\n" })
        #expect(body.contains("connection_refused") && body.contains("http://example.com:8080"))
    }

    @Test("a HEAD request gets the same head and no body")
    func headHasNoBody() {
        let response = ErrorResponse(ProxyError(.dnsError, detail: "no such name"))
        #expect(text(response).hasPrefix(text(response, isHead: true)))
        #expect(text(response, isHead: true).hasSuffix("\r\n\r\n"))
    }

    @Test("503 says when to come again; closing and HTTP/1.0 persistence are told")
    func connectionFields() {
        let busy = ErrorResponse(ProxyError(.connectionLimitReached, detail: "full"))
        #expect(text(busy).contains("\r\nRetry-After: 1\r\n"))
        #expect(text(busy, persists: false).contains("\r\nConnection: close\r\n"))
        #expect(text(busy, version: .http10).contains("\r\nConnection: keep-alive\r\n"))
        #expect(!text(busy).contains("Connection:"))
    }

    @Test("details are an sf-string: quotes are escaped and what is not ASCII does not pass")
    func detailsAreQuoted() {
        let answer = text(ErrorResponse(ProxyError(.dnsError, detail: "a \"b\" \\ \r\nX: y é")))
        #expect(answer.contains("details=\"a \\\"b\\\" \\\\ ??X: y ?\"\r\n"))
        #expect(!answer.split(separator: "\n").contains { $0.hasPrefix("X: y") })
    }
}
