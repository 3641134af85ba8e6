package enum TargetForm: UInt8, BitwiseCopyable, Sendable {
    case origin, absolute, authority, asterisk

    @inlinable package static func == (a: TargetForm, b: TargetForm) -> Bool { isSameCase(a, b) }
}

package enum TargetScheme: UInt8, BitwiseCopyable, Sendable {
    case http, https, other

    @inlinable package static func == (a: TargetScheme, b: TargetScheme) -> Bool { isSameCase(a, b) }

    package var defaultPort: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        case .other: 0
        }
    }
}

/// The four forms of a request target (RFC 9112 3.2), taken apart and checked. Value.
struct RequestTarget {
    var form: TargetForm
    var scheme = TargetScheme.http
    var authority: Authority?
    var pathAndQuery = 0..<0

    static func parse(_ method: Method, _ bytes: RawSpan, _ target: Range<Int>) throws(WireError) -> RequestTarget {
        if method == .connect {
            let authority = try Authority.parse(bytes, target, fault: .badTarget)
            guard authority.port != nil else { throw .badTarget }
            return RequestTarget(form: .authority, scheme: .other, authority: authority)
        }
        let first = bytes.byte(target.lowerBound)
        if first == UInt8(ascii: "/") {
            return RequestTarget(form: .origin, pathAndQuery: target)
        }
        if first == UInt8(ascii: "*"), target.count == 1 {
            guard method == .options else { throw .badTarget }
            return RequestTarget(form: .asterisk)
        }
        return try absolute(bytes, target)
    }

    /// The target, which goes on, has come no further than its host or port.
    static func endsInAuthority(_ bytes: RawSpan, _ target: Range<Int>) -> Bool {
        var at = target.lowerBound
        while at < target.upperBound, isSchemeByte(bytes.byte(at)) { at &+= 1 }
        if at &+ 2 < target.upperBound, bytes.byte(at) == UInt8(ascii: ":"), bytes.byte(at &+ 1) == UInt8(ascii: "/"),
            bytes.byte(at &+ 2) == UInt8(ascii: "/")
        {
            at &+= 3
        } else {
            at = target.lowerBound
        }
        return !(at..<target.upperBound).contains {
            bytes.byte($0) == UInt8(ascii: "/") || bytes.byte($0) == UInt8(ascii: "?")
        }
    }

    private static func absolute(_ bytes: RawSpan, _ target: Range<Int>) throws(WireError) -> RequestTarget {
        var at = target.lowerBound
        let end = target.upperBound
        while at < end, isSchemeByte(bytes.byte(at)) { at &+= 1 }
        guard at > target.lowerBound, at &+ 2 < end, isLetter(bytes.byte(target.lowerBound)),
            bytes.byte(at) == UInt8(ascii: ":"), bytes.byte(at &+ 1) == UInt8(ascii: "/"),
            bytes.byte(at &+ 2) == UInt8(ascii: "/")
        else { throw .badTarget }
        let scheme = try known(bytes, target.lowerBound..<at)
        let start = at &+ 3
        at = start
        while at < end, bytes.byte(at) != UInt8(ascii: "/"), bytes.byte(at) != UInt8(ascii: "?") { at &+= 1 }
        return RequestTarget(
            form: .absolute, scheme: scheme, authority: try Authority.parse(bytes, start..<at, fault: .badTarget),
            pathAndQuery: at..<end
        )
    }

    private static func known(_ bytes: RawSpan, _ scheme: Range<Int>) throws(WireError) -> TargetScheme {
        let word = Grammar.lowerWord(bytes, scheme.lowerBound, scheme.count)
        if scheme.count == 4, word == 0x0000_0000_7074_7468 { return .http }
        if scheme.count == 5, word == 0x0000_0073_7074_7468 { return .https }
        throw .unsupportedScheme
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || Grammar.isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }
}

/// host[:port] (RFC 3986 3.2), stricter: a host is unreserved characters or an IP address; no userinfo, no
/// percent-encoding, no zone, no empty label. Value.
///
/// Looked at for every request, so it allows a little more than `OriginHost`, which is asked once for each authority.
struct Authority {
    var range: Range<Int>
    var host: Range<Int>
    /// Nil when left out, or written as a colon with nothing after it.
    var port: UInt16?

    static func parse(_ bytes: RawSpan, _ range: Range<Int>, fault: WireError) throws(WireError) -> Authority {
        do throws(WireError) {
            return try parseParts(bytes, range, fault)
        } catch {
            guard fault == .badTarget else { throw fault }
            for at in range where bytes.byte(at) == UInt8(ascii: "@") { throw .userinfoInTarget }
            for at in range where bytes.byte(at) == UInt8(ascii: "%") { throw .percentInHost }
            throw error
        }
    }

    private static func parseParts(
        _ bytes: RawSpan, _ range: Range<Int>, _ fault: WireError
    ) throws(WireError) -> Authority {
        let hostEnd = try endOfHost(bytes, range, fault)
        var port: UInt16?
        if hostEnd < range.upperBound {
            guard bytes.byte(hostEnd) == UInt8(ascii: ":") else { throw fault }
            port = try parsePort(bytes, (hostEnd + 1)..<range.upperBound, fault)
        }
        return Authority(range: range, host: range.lowerBound..<hostEnd, port: port)
    }

    private static func endOfHost(_ bytes: RawSpan, _ range: Range<Int>, _ fault: WireError) throws(WireError) -> Int {
        var at = range.lowerBound
        if at < range.upperBound, bytes.byte(at) == UInt8(ascii: "[") {
            while at < range.upperBound, bytes.byte(at) != UInt8(ascii: "]") { at &+= 1 }
            guard at < range.upperBound, IPv6Text.isValid(bytes, (range.lowerBound + 1)..<at) else { throw fault }
            return at + 1
        }
        // A trailing dot (a name that is absolute in DNS) is no empty label.
        var afterDot = true
        while at < range.upperBound, Grammar.isHostName(bytes.byte(at)) {
            let isDot = bytes.byte(at) == UInt8(ascii: ".")
            if isDot, afterDot { throw fault }
            afterDot = isDot
            at &+= 1
        }
        guard at > range.lowerBound, at - range.lowerBound <= HeadLimits.maxHostBytes else { throw fault }
        return at
    }

    private static func parsePort(_ bytes: RawSpan, _ range: Range<Int>, _ fault: WireError) throws(WireError)
        -> UInt16?
    {
        if range.isEmpty { return nil }
        guard range.count <= 5, let value = Grammar.decimal(bytes, range), value >= 1, value <= 65_535 else {
            throw fault
        }
        return UInt16(value)
    }
}

/// The text of an IPv6 address (RFC 4291 2.2), without a zone.
enum IPv6Text {
    static func isValid(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        let end = range.upperBound
        var groups = 0
        var compressed = false
        guard range.count >= 2 else { return false }
        if bytes.byte(at) == UInt8(ascii: ":") {
            guard bytes.byte(at + 1) == UInt8(ascii: ":") else { return false }
            compressed = true
            at += 2
        }
        while at < end {
            let start = at
            while at < end, at - start < 5, Grammar.hexDigit(bytes.byte(at)) < 16 { at += 1 }
            if at < end, bytes.byte(at) == UInt8(ascii: ".") {
                guard isIPv4(bytes, start..<end) else { return false }
                groups += 2
                at = end
                break
            }
            guard at > start, at - start <= 4 else { return false }
            groups += 1
            guard at < end else { break }
            guard bytes.byte(at) == UInt8(ascii: ":") else { return false }
            at += 1
            guard at < end else { return false }
            if bytes.byte(at) == UInt8(ascii: ":") {
                guard !compressed else { return false }
                compressed = true
                at += 1
            }
        }
        return compressed ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        for part in 0..<4 {
            let start = at
            while at < range.upperBound, Grammar.isDigit(bytes.byte(at)) { at += 1 }
            guard at - start <= 3, let value = Grammar.decimal(bytes, start..<at), value < 256 else { return false }
            // Octal to some.
            guard at - start == 1 || bytes.byte(start) != UInt8(ascii: "0") else { return false }
            if part < 3 {
                guard at < range.upperBound, bytes.byte(at) == UInt8(ascii: ".") else { return false }
                at += 1
            }
        }
        return at == range.upperBound
    }
}
