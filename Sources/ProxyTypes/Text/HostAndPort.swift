/// `host[:port]` (RFC 3986 3.2, without user information), split in two. Validates neither part. Value.
///
/// HTTPWire splits the authority of requests in place, without this type.
package struct HostAndPort: Hashable, Sendable {
    /// As written; an IPv6 address in its brackets.
    package let host: Substring
    /// Nil without a colon; empty if nothing follows it.
    package let portText: Substring?

    /// Nil where something other than a colon follows the brackets of an IPv6 address, or a bracket is not closed.
    package init?(_ text: Substring) {
        // The colons of an IPv6 address are inside its brackets.
        var end = text.startIndex
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            end = text.index(after: bracket)
            guard end == text.endIndex || text[end] == ":" else { return nil }
        }
        let colon = text[end...].firstIndex(of: ":")
        host = text[..<(colon ?? text.endIndex)]
        portText = colon.map { text[text.index(after: $0)...] }
    }

    package init?(_ text: String) { self.init(text[...]) }

    /// 0 to 65535. Nil if there is none, or if the text is not a decimal number without leading zeros.
    package var port: UInt16? { portText.flatMap { DecimalText.parse($0, as: UInt16.self) } }

    /// An IPv6 address is without its brackets.
    package var unbracketedHost: Substring { host.hasPrefix("[") ? host.dropFirst().dropLast() : host }

    /// The host as an address. Nil for a name, and for an IPv4 address in brackets.
    package var address: IPAddress? {
        guard !host.hasPrefix("[") || host.contains(":") else { return nil }
        return IPAddress(unbracketedHost)
    }
}
