package import ProxyTypes

/// One place of a head that is sent on changed. Value.
package struct HeadEdit: Equatable, Sendable {
    package enum Replacement: BitwiseCopyable, Sendable {
        case nothing
        /// The gateway's own scheme and authority.
        case base
        /// The same, with the path that the URL did not have.
        case baseAndSlash
    }

    /// Within the value of one field.
    package let range: Range<Int>
    package let replacement: Replacement
}

/// What a gateway changes in the heads of responses, so that the client comes back to the gateway: URLs of the origin in
/// Location, Content-Location and Link, and, if configured, Secure in cookies. It only finds the places; `HeadWriter` writes.
/// Value.
package struct ResponseRewrite: Equatable, Sendable {
    private struct Name: Equatable, Sendable {
        let scheme: [UInt8]
        let host: [UInt8]
        let port: UInt16
        let defaultPort: UInt16
    }

    /// The names under which responses may refer to the origin.
    private let names: [Name]
    /// `http://` and the authority under which the client reached the gateway. Empty if the client sent none: a URL then
    /// becomes a path.
    package let base: [UInt8]
    private let stripsSecure: Bool

    package init(origins: [Origin], base: [UInt8], stripsSecure: Bool) {
        names = origins.map {
            Name(
                scheme: Array($0.scheme.name.utf8), host: Array($0.host.utf8), port: $0.port,
                defaultPort: $0.scheme.defaultPort)
        }
        self.base = base
        self.stripsSecure = stripsSecure
    }

    /// Appends the places to change, in their order. `bytes` are those the head was parsed from.
    package func findEdits(in head: borrowing ResponseHead, _ bytes: RawSpan, into edits: inout [HeadEdit]) {
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            guard field.id == .other, !field.dropped else { continue }
            switch field.name.count {
            case 4 where isNamed("link", bytes, field): editLink(bytes, field.value, &edits)
            case 8 where isNamed("location", bytes, field): editURL(bytes, field.value, &edits)
            case 10 where stripsSecure && isNamed("set-cookie", bytes, field): editCookie(bytes, field.value, &edits)
            case 16 where isNamed("content-location", bytes, field): editURL(bytes, field.value, &edits)
            default: break
            }
        }
    }

    private func isNamed(_ name: StaticString, _ bytes: RawSpan, _ field: FieldTable.Entry) -> Bool {
        Self.same(
            bytes, field.name.lowerBound, UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// Whether the bytes from `start` on are `text`, which is in lower case; the caller has checked that they are there.
    private static func same(_ bytes: RawSpan, _ start: Int, _ text: some Sequence<UInt8>) -> Bool {
        var at = start
        for expected in text {
            let byte = bytes.byte(at)
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == expected else { return false }
            at &+= 1
        }
        return true
    }

    // MARK: URLs

    private func editURL(_ bytes: RawSpan, _ url: Range<Int>, _ edits: inout [HeadEdit]) {
        for name in names {
            guard let end = end(of: name, bytes, url) else { continue }
            let hasPath = end < url.upperBound && bytes.byte(end) == UInt8(ascii: "/")
            // Without a base it would become a reference to another authority.
            if base.isEmpty, hasPath, Self.beginsAuthority(bytes, (end + 1)..<url.upperBound) { return }
            edits.append(
                HeadEdit(range: url.lowerBound..<end, replacement: hasPath ? .base : .baseAndSlash))
            return
        }
    }

    /// Whether this behind a slash is read as an authority: browsers take a backslash for a slash, and skip tabs.
    private static func beginsAuthority(_ bytes: RawSpan, _ rest: Range<Int>) -> Bool {
        guard let first = rest.first else { return false }
        switch bytes.byte(first) {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), Grammar.tab: return true
        default: return false
        }
    }

    /// Where the authority of a URL that names the origin ends. With or without the scheme: a reference without one
    /// means the scheme that the response came with, which is the origin's.
    private func end(of name: Name, _ bytes: RawSpan, _ url: Range<Int>) -> Int? {
        var at = url.lowerBound
        if at < url.upperBound, bytes.byte(at) != UInt8(ascii: "/") {
            guard name.scheme.count < url.count, Self.same(bytes, at, name.scheme) else { return nil }
            at += name.scheme.count
            guard bytes.byte(at) == UInt8(ascii: ":") else { return nil }
            at += 1
        }
        guard at + 2 + name.host.count <= url.upperBound, bytes.byte(at) == UInt8(ascii: "/"),
            bytes.byte(at + 1) == UInt8(ascii: "/"), Self.same(bytes, at + 2, name.host)
        else { return nil }
        at += 2 + name.host.count
        var port = name.defaultPort
        if at < url.upperBound, bytes.byte(at) == UInt8(ascii: ":") {
            let start = at + 1
            at = start
            while at < url.upperBound, Grammar.isDigit(bytes.byte(at)) { at += 1 }
            if at > start {
                guard at - start <= 5, let value = Grammar.decimal(bytes, start..<at), value <= 65_535 else {
                    return nil
                }
                port = UInt16(value)
            }
        }
        guard port == name.port else { return nil }
        guard at < url.upperBound else { return at }
        switch bytes.byte(at) {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return at
        default: return nil
        }
    }

    /// RFC 8288 3: the target of each link stands in angle brackets; commas within them or within quotes end no link.
    private func editLink(_ bytes: RawSpan, _ value: Range<Int>, _ edits: inout [HeadEdit]) {
        var at = value.lowerBound
        let end = value.upperBound
        while at < end {
            while at < end, Grammar.isBlank(bytes.byte(at)) || bytes.byte(at) == UInt8(ascii: ",") { at += 1 }
            if at < end, bytes.byte(at) == UInt8(ascii: "<") {
                let start = at + 1
                at = start
                while at < end, bytes.byte(at) != UInt8(ascii: ">") { at += 1 }
                guard at < end else { return }
                editURL(bytes, start..<at, &edits)
            }
            at = Self.endOfElement(bytes, at..<end)
        }
    }

    private static func endOfElement(_ bytes: RawSpan, _ range: Range<Int>) -> Int {
        var at = range.lowerBound
        var isQuoted = false
        while at < range.upperBound {
            switch bytes.byte(at) {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted: at += 1
            case UInt8(ascii: ",") where !isQuoted: return at
            default: break
            }
            at += 1
        }
        return range.upperBound
    }

    // MARK: Cookies

    /// RFC 6265 5.2: attributes are separated by semicolons, whatever is quoted.
    private func editCookie(_ bytes: RawSpan, _ value: Range<Int>, _ edits: inout [HeadEdit]) {
        var start = Self.endOfAttribute(bytes, value)
        while start < value.upperBound {
            let end = Self.endOfAttribute(bytes, (start + 1)..<value.upperBound)
            let attribute = Grammar.trimmed(bytes, (start + 1)..<end)
            var nameEnd = attribute.lowerBound
            while nameEnd < attribute.upperBound, bytes.byte(nameEnd) != UInt8(ascii: "=") { nameEnd += 1 }
            let name = Grammar.trimmed(bytes, attribute.lowerBound..<nameEnd)
            if name.count == 6, Self.same(bytes, name.lowerBound, "secure".utf8) {
                edits.append(HeadEdit(range: start..<end, replacement: .nothing))
            }
            start = end
        }
    }

    private static func endOfAttribute(_ bytes: RawSpan, _ range: Range<Int>) -> Int {
        var at = range.lowerBound
        while at < range.upperBound, bytes.byte(at) != UInt8(ascii: ";") { at += 1 }
        return at
    }
}
