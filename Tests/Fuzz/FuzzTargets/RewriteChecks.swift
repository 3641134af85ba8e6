import HTTPWire
import ProxyTypes

/// What must hold of what a gateway makes of any answer, beside a plain reading of the same rules.
package enum RewriteChecks {
    private struct Gateway {
        let origins: [Origin]
        let base: String
        let stripsSecure: Bool
        let rewrite: ResponseRewrite

        init(_ origins: [String], base: String, stripsSecure: Bool) {
            self.origins = origins.compactMap { Origin($0) }
            self.base = base
            self.stripsSecure = stripsSecure
            rewrite = ResponseRewrite(origins: self.origins, base: Array(base.utf8), stripsSecure: stripsSecure)
        }
    }

    private static let gateways = [
        Gateway(["https://h"], base: "http://127.0.0.1:9101", stripsSecure: true),
        Gateway(["https://h:8443", "http://h:8080"], base: "http://localhost", stripsSecure: false),
        Gateway(["https://h", "http://h"], base: "", stripsSecure: true),
        Gateway(["http://[2001:db8::1]:8080"], base: "", stripsSecure: false),
    ]

    /// What mutations of single bytes would seldom write.
    private static let words = [
        "https://h", "http://h", "//h", "https:", "http:", "://", "h:8443", "h:8080", "[2001:db8::1]", ":443", ":80",
        "//",
        "<", ">", "\"", "\\", ", ", ";", "; rel=\"next\"", "Secure", "; SeCure ", "=", "@", "?", "#", "%2f", "/..", ".",
        "Location", "Connection",
    ]
    private static let names = ["Location", "content-location", "LINK", "Set-Cookie", "X-Location", "Connection"]

    /// The first byte says which gateway; each line is a field, whose first byte says which. Bytes beyond ASCII are words.
    package static func response(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let gateway = gateways[Int(first) % gateways.count]
        var bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".utf8)
        for line in input.dropFirst().split(separator: 0x0A).prefix(12) {
            bytes += Array("\(names[Int(line.first ?? 0) % names.count]):".utf8)
            for byte in line.dropFirst() {
                if byte < 0x80 { bytes.append(byte) } else { bytes += words[Int(byte - 0x80) % words.count].utf8 }
            }
            bytes += [0x0D, 0x0A]
        }
        bytes += [0x0D, 0x0A]
        var head = ResponseHead()
        guard case .accepted(let before) = Feeding.response(bytes, head: &head) else { return nil }
        let output = Feeding.rewritten(head, bytes, by: gateway.rewrite)
        let expected = before.lines.filter { !$0.dropped && $0.id != .contentLength }.map {
            line(of: $0, bytes, gateway)
        }
        return broken(output, expected) ?? brokenRepetition(output, gateway)
    }

    private static func broken(_ output: [UInt8], _ expected: [String]) -> String? {
        var head = ResponseHead()
        guard case .accepted(let after) = Feeding.response(output, head: &head), after.length == output.count else {
            return "what was made of the answer is none: \(text(output).debugDescription)"
        }
        // The others connd writes itself.
        let lines = after.lines.filter { $0.id != .contentLength && $0.id != .via }.map { text(output[$0.line]) }
        guard lines == expected else { return "\(lines) is not \(expected)" }
        return nil
    }

    /// What is the gateway's already stays.
    private static func brokenRepetition(_ output: [UInt8], _ gateway: Gateway) -> String? {
        var head = ResponseHead()
        _ = Feeding.response(output, head: &head)
        var edits: [HeadEdit] = []
        gateway.rewrite.findEdits(in: head, output.span.bytes, into: &edits)
        return edits.isEmpty ? nil : "it is rewritten again: \(text(output).debugDescription)"
    }

    // MARK: The plain reading

    private static func line(of field: LineSnapshot, _ bytes: [UInt8], _ gateway: Gateway) -> String {
        let value = text(bytes[field.value])
        let made =
            switch text(bytes[field.name]).lowercased() {
            case "location", "content-location": url(value, gateway)
            case "link": links(value, gateway)
            case "set-cookie" where gateway.stripsSecure: cookie(value)
            default: value
            }
        return text(bytes[field.line.lowerBound..<field.value.lowerBound]) + made
            + text(bytes[field.value.upperBound..<field.line.upperBound])
    }

    /// RFC 3986 3: scheme, authority, and the rest.
    private static func url(_ url: String, _ gateway: Gateway) -> String {
        guard let start = url.firstRange(of: "//") else { return url }
        let scheme = url[..<start.lowerBound]
        let authority = url[start.upperBound...].prefix { !"/?#".contains($0) }
        let rest = url[authority.endIndex...]
        let isOwn = gateway.origins.contains { origin in
            guard scheme.isEmpty || scheme.lowercased() == "\(origin.scheme.name):" else { return false }
            return names(authority.lowercased(), origin)
        }
        guard isOwn else { return url }
        guard rest.hasPrefix("/") else { return "\(gateway.base)/\(rest)" }
        // Alone, such a path would be read as another authority.
        if gateway.base.isEmpty, "/\\\t".contains(rest.dropFirst().first ?? "x") { return url }
        return gateway.base + rest
    }

    private static func names(_ authority: String, _ origin: Origin) -> Bool {
        guard authority.hasPrefix(origin.host) else { return false }
        let port = authority.dropFirst(origin.host.count)
        if port.isEmpty || port == ":" { return origin.port == origin.scheme.defaultPort }
        let digits = port.dropFirst()
        guard port.first == ":", digits.count <= 5, digits.allSatisfy({ "0123456789".contains($0) }) else {
            return false
        }
        return Int(digits) == Int(origin.port)
    }

    /// RFC 8288 B.2: what stands in angle brackets at the beginning of each element.
    private static func links(_ value: String, _ gateway: Gateway) -> String {
        var made = ""
        var rest = value[...]
        while !rest.isEmpty {
            let gap = rest.prefix { " \t,".contains($0) }
            made += gap
            rest = rest.dropFirst(gap.count)
            if rest.first == "<" {
                guard let end = rest.firstIndex(of: ">") else { return made + rest }
                made += "<" + url(String(rest[..<end].dropFirst()), gateway)
                rest = rest[end...]
            }
            let element = element(rest)
            made += element
            rest = rest.dropFirst(element.count)
        }
        return made
    }

    private static func element(_ text: Substring) -> Substring {
        var (isQuoted, isEscaped) = (false, false)
        return text.prefix { character in
            defer { isEscaped = isQuoted && character == "\\" && !isEscaped }
            if character == ",", !isQuoted { return false }
            if character == "\"", !isEscaped { isQuoted.toggle() }
            return true
        }
    }

    /// RFC 6265 5.2.
    private static func cookie(_ value: String) -> String {
        let parts = value.split(separator: ";", omittingEmptySubsequences: false)
        let kept = parts.enumerated().filter { index, part in
            let name = part.prefix { $0 != "=" }.drop { " \t".contains($0) }
            let trimmed = String(name.reversed().drop { " \t".contains($0) }.reversed())
            return index == 0 || trimmed.lowercased() != "secure"
        }
        return kept.map(\.element).joined(separator: ";")
    }

    /// One character for each byte.
    private static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
    }
}
