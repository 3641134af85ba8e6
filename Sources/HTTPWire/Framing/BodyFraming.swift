/// Where a message's body ends (RFC 9112 6.3), and the two functions that decide it. Value.
///
/// Stricter than the RFC: Content-Length beside Transfer-Encoding, any coding but one `chunked`, and Transfer-Encoding
/// in HTTP/1.0 are refused both ways, whether or not the message would have a body.
package enum BodyFraming: Equatable, BitwiseCopyable, Sendable {
    case none
    case length(UInt64)
    case chunked
    case untilClose

    @inlinable package var isChunked: Bool {
        switch self {
        case .chunked: true
        case .none, .length, .untilClose: false
        }
    }

    @inlinable package var isUntilClose: Bool {
        switch self {
        case .untilClose: true
        case .none, .length, .chunked: false
        }
    }

    package static func request(
        version: HTTPVersion, contentLength: ContentLengthFact, transferCoding: TransferCodingFact
    ) throws(WireError) -> BodyFraming {
        if try isChunked(version, contentLength, transferCoding) { return .chunked }
        return try length(contentLength).map { .length($0) } ?? .none
    }

    package static func response(
        status: Int, requestMethod: Method, version: HTTPVersion, contentLength: ContentLengthFact,
        transferCoding: TransferCodingFact
    ) throws(WireError) -> BodyFraming {
        let chunked = try isChunked(version, contentLength, transferCoding)
        let length = try length(contentLength)
        if requestMethod == .head || status < 200 || status == 204 || status == 304 { return .none }
        if requestMethod == .connect, status < 300 { return .none }
        if chunked { return .chunked }
        return length.map { .length($0) } ?? .untilClose
    }

    private static func isChunked(
        _ version: HTTPVersion, _ contentLength: ContentLengthFact, _ coding: TransferCodingFact
    ) throws(WireError) -> Bool {
        guard coding != .absent else { return false }
        guard version == .http11 else { throw .transferEncodingInHTTP10 }
        guard contentLength == .absent else { throw .contentLengthWithTransferEncoding }
        switch coding {
        case .absent: return false
        case .chunked: return true
        case .chunkedTwice: throw .chunkedTwice
        case .chunkedNotLast: throw .chunkedNotLast
        case .unknown: throw .unknownTransferCoding
        case .malformed: throw .badTransferEncoding
        }
    }

    private static func length(_ fact: ContentLengthFact) throws(WireError) -> UInt64? {
        switch fact {
        case .absent: return nil
        case .value(let value): return value
        case .malformed: throw .badContentLength
        case .differing: throw .differingContentLengths
        }
    }
}

/// What all Content-Length lines of a head say together.
package enum ContentLengthFact: Equatable, BitwiseCopyable, Sendable {
    case absent
    case value(UInt64)
    case malformed
    case differing

    /// A line's value: one number, or a list of one number repeated (RFC 9112 6.3, item 5).
    mutating func add(_ bytes: RawSpan, _ value: Range<Int>) {
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            guard let number = Grammar.decimal(bytes, element) else {
                self = .malformed
                return
            }
            switch self {
            case .absent: self = .value(number)
            case .value(number), .malformed, .differing: break
            case .value: self = .differing
            }
        }
    }
}

/// What all Transfer-Encoding lines of a head say together, in order.
package enum TransferCodingFact: UInt8, BitwiseCopyable, Sendable {
    case absent, chunked, chunkedTwice, chunkedNotLast, unknown, malformed

    mutating func add(_ bytes: RawSpan, _ value: Range<Int>) {
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            // Parameters make a coding malformed too: chunked has none (RFC 9112 7.1), and no other is known.
            guard Grammar.isTokenOnly(bytes, element) else {
                self = .malformed
                return
            }
            add(isChunked: Self.isChunked(bytes, element))
        }
    }

    private mutating func add(isChunked: Bool) {
        switch self {
        case .absent: self = isChunked ? .chunked : .chunkedNotLast
        case .chunked: self = isChunked ? .chunkedTwice : .chunkedNotLast
        // Codings without chunked so far: with it last, the framing would be clear but for a coding that is not known.
        case .chunkedNotLast: self = isChunked ? .unknown : .chunkedNotLast
        case .unknown: self = isChunked ? .chunkedTwice : .chunkedNotLast
        case .chunkedTwice, .malformed: break
        }
    }

    static func isChunked(_ bytes: RawSpan, _ element: Range<Int>) -> Bool {
        element.count == 7 && Grammar.lowerWord(bytes, element.lowerBound, 7) == 0x0064_656B_6E75_6863
    }
}
