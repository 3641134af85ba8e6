/// What a response's head says, as ranges into its bytes and as decided facts. Value; one is reused per event loop, so
/// nothing of it outlives the bytes that it was parsed from.
package struct ResponseHead: Sendable {
    package internal(set) var status = 0
    package internal(set) var version = HTTPVersion.http11
    package internal(set) var reason = 0..<0
    package internal(set) var fields = FieldTable()
    /// Bytes of the head with its last CRLF.
    package internal(set) var length = 0
    /// Given the request's method.
    package internal(set) var framing = BodyFraming.none
    package internal(set) var connection: ConnectionOptions = []
    /// The origin keeps the connection after this response. After an interim one it says nothing.
    package internal(set) var persistent = false
    /// Seconds, from `Keep-Alive: timeout=`.
    package internal(set) var keepAliveTimeout: Int?
    package internal(set) var keepAliveMax: Int?
    /// It asks for, goes on with or ends authentication of the connection it came on.
    package internal(set) var bindsConnection = false
    /// A Content-Length line was dropped for this canonical one.
    var canonicalLength: UInt64?
    var canonicalChunked = false

    package init() {}

    /// 1xx, but for 101, which is final.
    package var isInformational: Bool { status < 200 && status != 101 }

    mutating func removeAll() {
        fields.removeAll()
        keepAliveTimeout = nil
        keepAliveMax = nil
        bindsConnection = false
        canonicalLength = nil
        canonicalChunked = false
    }

    /// From the lines of the head to its facts.
    mutating func interpret(_ bytes: RawSpan, requestMethod: Method) throws(WireError) {
        var hop = HopByHop(isRequest: false)
        // RFC 9110 8.6, RFC 9112 6.1: neither may stand there, and a reader that obeyed it would wait for a body.
        let framesNothing = status < 200 || status == 204 || (requestMethod == .connect && status < 300)
        for index in 0..<fields.count {
            if try !hop.note(index, &fields, bytes) { note(index, bytes) }
            if framesNothing, fields[index].id == .contentLength || fields[index].id == .transferEncoding {
                fields.drop(index)
            }
        }
        framing = try BodyFraming.response(
            status: status, requestMethod: requestMethod, version: version, contentLength: hop.contentLength,
            transferCoding: hop.transferCoding
        )
        if hop.canonicalLength, !framesNothing, case .value(let length) = hop.contentLength { canonicalLength = length }
        canonicalChunked = hop.canonicalChunked && !framesNothing
        connection = hop.options.union(hop.proxyOptions.subtracting(.keepAlive))
        try hop.dropNominated(&fields, bytes)
        persistent = decidePersistence()
    }

    /// RFC 9112 9.3. An HTTP/1.0 origin must have said keep-alive, and where the body ends.
    private func decidePersistence() -> Bool {
        guard !connection.contains(.close), framing != .untilClose, status != 101 else { return false }
        return version == .http11 || connection.contains(.keepAlive)
    }

    private mutating func note(_ index: Int, _ bytes: RawSpan) {
        switch fields[index].id {
        case .keepAlive: note(KeepAliveFields.parse(bytes, fields[index].value))
        case .wwwAuthenticate, .proxyAuthenticate:
            bindsConnection = bindsConnection || BoundAuthentication.isNamed(bytes, fields[index].value)
        default: break
        }
    }

    /// The smallest of what several lines say.
    private mutating func note(_ said: KeepAliveFields) {
        if let timeout = said.timeout { keepAliveTimeout = min(timeout, keepAliveTimeout ?? timeout) }
        if let max = said.max { keepAliveMax = min(max, keepAliveMax ?? max) }
    }
}
