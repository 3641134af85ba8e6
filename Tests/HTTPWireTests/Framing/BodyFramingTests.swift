import FuzzTargets
import HTTPWire
import Testing

@Suite("Where a body ends (RFC 9112 6.3)")
struct BodyFramingTests {
    static let requests: [(HTTPVersion, ContentLengthFact, TransferCodingFact, Result<BodyFraming, WireError>)] = [
        (.http11, .absent, .absent, .success(.none)), (.http10, .absent, .absent, .success(.none)),
        (.http11, .value(0), .absent, .success(.length(0))), (.http10, .value(7), .absent, .success(.length(7))),
        (.http11, .absent, .chunked, .success(.chunked)),
        (.http11, .malformed, .absent, .failure(.badContentLength)),
        (.http11, .differing, .absent, .failure(.differingContentLengths)),
        (.http11, .value(1), .chunked, .failure(.contentLengthWithTransferEncoding)),
        (.http11, .malformed, .chunked, .failure(.contentLengthWithTransferEncoding)),
        (.http11, .value(0), .unknown, .failure(.contentLengthWithTransferEncoding)),
        (.http10, .absent, .chunked, .failure(.transferEncodingInHTTP10)),
        (.http10, .value(1), .chunked, .failure(.transferEncodingInHTTP10)),
        (.http11, .absent, .chunkedTwice, .failure(.chunkedTwice)),
        (.http11, .absent, .chunkedNotLast, .failure(.chunkedNotLast)),
        (.http11, .absent, .unknown, .failure(.unknownTransferCoding)),
        (.http11, .absent, .malformed, .failure(.badTransferEncoding)),
    ]

    @Test("requests", arguments: requests)
    func request(
        version: HTTPVersion, length: ContentLengthFact, coding: TransferCodingFact,
        expected: Result<BodyFraming, WireError>
    ) {
        let result = Result { () throws(WireError) in
            try BodyFraming.request(version: version, contentLength: length, transferCoding: coding)
        }
        #expect(result == expected)
    }

    @Test("a response is refused for what a request is refused for", arguments: requests, [200, 204, 304, 101])
    func refusals(
        facts: (HTTPVersion, ContentLengthFact, TransferCodingFact, Result<BodyFraming, WireError>), status: Int
    ) {
        guard case .failure(let fault) = facts.3 else { return }
        for method in [Method.get, .head] {
            #expect(throws: fault) {
                try BodyFraming.response(
                    status: status, requestMethod: method, version: facts.0, contentLength: facts.1,
                    transferCoding: facts.2)
            }
        }
    }

    @Test(
        "HEAD, 1xx, 204, 304 and 2xx to CONNECT have no body whatever they say",
        arguments: [
            (Method.head, 200), (.head, 404), (.get, 100), (.get, 101), (.post, 103), (.get, 204), (.get, 304),
            (.connect, 200),
            (.connect, 299),
        ])
    func bodiless(method: Method, status: Int) throws {
        for facts in [
            (ContentLengthFact.absent, TransferCodingFact.absent), (.value(5), .absent), (.absent, .chunked),
        ] {
            let framing = try BodyFraming.response(
                status: status, requestMethod: method, version: .http11, contentLength: facts.0, transferCoding: facts.1
            )
            #expect(framing == .none)
        }
    }

    @Test(
        "other responses end by chunks, by length, or by close",
        arguments: [
            (Method.get, 200, HTTPVersion.http11), (.post, 500, .http11), (.connect, 302, .http11),
            (.connect, 407, .http11),
            (.get, 205, .http11),
        ])
    func others(method: Method, status: Int, version: HTTPVersion) throws {
        func framing(_ length: ContentLengthFact, _ coding: TransferCodingFact) throws -> BodyFraming {
            try BodyFraming.response(
                status: status, requestMethod: method, version: version, contentLength: length, transferCoding: coding)
        }
        #expect(try framing(.absent, .chunked) == .chunked)
        #expect(try framing(.value(5), .absent) == .length(5))
        #expect(try framing(.value(0), .absent) == .length(0))
        #expect(try framing(.absent, .absent) == .untilClose)
    }

    @Test(
        "lines are read as RFC 9112 6.3 item 5 allows: one number, also repeated",
        arguments: [
            ("Content-Length: 5", BodyFraming.length(5)), ("Content-Length: 5\r\ncontent-length: 5", .length(5)),
            ("Content-Length: 5, 5 ,5", .length(5)),
            ("Content-Length: 9223372036854775807", .length(9_223_372_036_854_775_807)),
            ("Content-Length: 007", .length(7)), ("Transfer-Encoding: Chunked", .chunked),
            ("transfer-encoding:\tCHUNKED ", .chunked),
        ])
    func lines(text: String, framing: BodyFraming) throws {
        #expect(try Heads.accepted("POST http://h/ HTTP/1.1\r\nHost: h\r\n\(text)\r\n\r\n").framing == framing)
        #expect(try Heads.acceptedResponse("HTTP/1.1 200 OK\r\n\(text)\r\n\r\n").framing == framing)
    }
}
