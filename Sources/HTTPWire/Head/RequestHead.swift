package enum HTTPVersion: UInt8, BitwiseCopyable, Sendable {
    case http10, http11

    @inlinable package static func == (a: HTTPVersion, b: HTTPVersion) -> Bool { isSameCase(a, b) }
}

package enum Method: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    @inlinable package static func == (a: Method, b: Method) -> Bool { isSameCase(a, b) }

    /// RFC 9110 9.2.1.
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .connect, .patch, .other: false
        }
    }

    /// RFC 9110 9.2.2.
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        case .post, .connect, .patch, .other: false
        }
    }

    /// Methods are case-sensitive: `get` is a method nobody knows.
    static func recognise(_ bytes: RawSpan, _ range: Range<Int>) -> Method {
        let word = Grammar.exactWord(bytes, range.lowerBound, range.count)
        switch range.count {
        case 3 where word == 0x0000_0000_0054_4547: return .get
        case 3 where word == 0x0000_0000_0054_5550: return .put
        case 4 where word == 0x0000_0000_4441_4548: return .head
        case 4 where word == 0x0000_0000_5453_4F50: return .post
        case 5 where word == 0x0000_0045_4341_5254: return .trace
        case 5 where word == 0x0000_0048_4354_4150: return .patch
        case 6 where word == 0x0000_4554_454C_4544: return .delete
        case 7 where word == 0x0054_4345_4E4E_4F43: return .connect
        case 7 where word == 0x0053_4E4F_4954_504F: return .options
        default: return .other
        }
    }
}

/// What a request's head says, as ranges into its bytes and as decided facts. Value; one is reused per event loop, so
/// nothing of it outlives the bytes that it was parsed from.
package struct RequestHead: Sendable {
    package internal(set) var method = Method.other
    package internal(set) var methodRange = 0..<0
    package internal(set) var target = 0..<0
    package internal(set) var version = HTTPVersion.http11
    package internal(set) var fields = FieldTable()
    /// Bytes of the head with its last CRLF, and with any empty lines that preceded it.
    package internal(set) var length = 0

    package internal(set) var form = TargetForm.origin
    /// `other` in the authority form, which has none; `http` in the origin and asterisk forms.
    package internal(set) var scheme = TargetScheme.http
    /// host[:port] as written in the target; in the origin and asterisk forms as written in the Host field, empty
    /// without one.
    package internal(set) var authority = 0..<0
    package internal(set) var host = 0..<0
    /// 0 where there is no authority.
    package internal(set) var port: UInt16 = 0
    /// Empty when the target has none; may begin with `?`.
    package internal(set) var pathAndQuery = 0..<0

    package internal(set) var framing = BodyFraming.none
    package internal(set) var connection: ConnectionOptions = []
    /// The client's wish and its version's default, after the answer to this request.
    package internal(set) var persistent = true
    package internal(set) var expectsContinue = false
    /// The Upgrade fields are passed on: HTTP/1.1, named in Connection, no body, and no protocol in them is HTTP
    /// itself.
    package internal(set) var upgrade = false
    /// TE: trailers was said.
    package internal(set) var acceptsTrailers = false
    /// It carries credentials that authenticate the connection it is sent on, and with it what comes after.
    package internal(set) var bindsConnection = false
    /// Of OPTIONS and TRACE only. At 0 the request is not forwarded (RFC 9110 7.6.2).
    package internal(set) var maxForwards: Int?
    /// A Content-Length line was dropped for this canonical one.
    var canonicalLength: UInt64?
    var canonicalChunked = false

    package init() {}

    mutating func removeAll() {
        fields.removeAll()
        authority = 0..<0
        host = 0..<0
        port = 0
        pathAndQuery = 0..<0
        expectsContinue = false
        upgrade = false
        acceptsTrailers = false
        bindsConnection = false
        maxForwards = nil
        canonicalLength = nil
        canonicalChunked = false
    }
}
