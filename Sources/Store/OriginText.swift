import ProxyTypes

extension Origin {
    /// What `description` writes; nil where the text is none of its.
    init?(text: String) {
        self.init(spelling: text)
        guard description == text else { return nil }
    }

    /// The origin that a text means, which may have been written when more spellings than one were told apart.
    init?(spelling text: String) {
        let scheme: Scheme
        let rest: Substring
        if text.hasPrefix("http://") {
            (scheme, rest) = (.http, text.dropFirst(7))
        } else if text.hasPrefix("https://") {
            (scheme, rest) = (.https, text.dropFirst(8))
        } else {
            return nil
        }
        var host = rest
        var port = scheme.defaultPort
        // The colons of an IPv6 address are inside its brackets.
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
            guard let number = UInt16(rest[rest.index(after: colon)...]) else { return nil }
            host = rest[..<colon]
            port = number
        }
        guard let host = try? OriginHost(parsing: host) else { return nil }
        self.init(scheme: scheme, host: host, port: port)
    }
}
