import ProxyTypes

/// Parses origins and patterns as people type them, and matches them with known origins. Pure.
enum OriginName {
    /// `all` and `*` mean every origin.
    static func isAll(_ text: String) -> Bool {
        text == "all" || text == "*"
    }

    static func pattern(_ text: String) -> String {
        isAll(text) ? "*" : whole(text) ?? text
    }

    /// How a command names the pattern, quoted for a shell.
    static func argument(_ pattern: String) -> String {
        if pattern == "*" { return "all" }
        return pattern.contains("*") || pattern.contains("[") ? "'\(pattern)'" : pattern
    }

    /// Canonicalizes `http://Example.com:80/` to `http://example.com`; nil without a scheme. A path is dropped if
    /// `mayHavePath`, and otherwise makes the text invalid.
    static func whole(_ text: String, mayHavePath: Bool = false) -> String? {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        var rest = String(text[separator.upperBound...])
        if mayHavePath { rest = String(rest.prefix { !"/?#".contains($0) }) }
        if rest.hasSuffix("/") { rest.removeLast() }
        guard ["http", "https"].contains(scheme), !rest.isEmpty, !rest.contains(where: { "/?#@".contains($0) }) else {
            return nil
        }
        guard let parsed = parts(rest), (try? OriginHost(parsing: parsed.host)) != nil else {
            // connd reports what is wrong with it.
            return "\(scheme)://\(rest)"
        }
        let port = parsed.port == (scheme == "http" ? "80" : "443") ? "" : parsed.port
        return "\(scheme)://" + canonical(parsed.host) + (port.isEmpty ? "" : ":\(port)")
    }

    /// host[:port] or part of a name, made canonical as far as possible: `[0:0::1]:80` becomes `[::1]:80`.
    static func sought(_ text: String) -> String {
        if let address = IPAddress(text) { return address.bracketed }
        guard let parsed = parts(text) else { return text.lowercased() }
        return canonical(parsed.host) + (parsed.port.isEmpty ? "" : ":\(parsed.port)")
    }

    private static func canonical(_ host: Substring) -> String {
        (try? OriginHost(parsing: host))?.description ?? host.lowercased()
    }

    /// The port without leading zeros; empty if there is none, nil if it is not a port.
    private static func parts(_ text: String) -> (host: Substring, port: Substring)? {
        guard let parts = HostAndPort(text) else { return nil }
        let port = parts.portText ?? ""
        guard port.utf8.allSatisfy(DecimalText.isDigit) else { return nil }
        return (parts.host, port.drop { $0 == "0" })
    }

    /// The known origins that `text` may refer to: by full name, else host and port, else host, else part of the name.
    static func matches(_ text: String, among origins: [String]) -> [String] {
        let wanted = whole(text) ?? sought(text)
        let rules: [(String) -> Bool] = [
            { $0 == wanted },
            { afterScheme($0) == wanted || authority($0) == wanted },
            { host($0) == wanted },
            { $0.contains(wanted) },
        ]
        for rule in rules {
            let found = origins.filter(rule)
            if !found.isEmpty { return found }
        }
        return []
    }

    private static func afterScheme(_ origin: String) -> String {
        origin.firstRange(of: "://").map { String(origin[$0.upperBound...]) } ?? origin
    }

    /// Always with the port, even the default one.
    private static func authority(_ origin: String) -> String {
        let rest = afterScheme(origin)
        return host(origin) == rest ? rest + (origin.hasPrefix("https:") ? ":443" : ":80") : rest
    }

    static func host(_ origin: String) -> String {
        let rest = afterScheme(origin)
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") { return String(rest[...end]) }
        return rest.firstIndex(of: ":").map { String(rest[..<$0]) } ?? rest
    }
}
