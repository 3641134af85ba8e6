extension HostPattern {
    /// Whether this pattern matches every origin that the other matches.
    package func covers(_ other: HostPattern) -> Bool {
        if let port, port != other.port { return false }
        if let scheme, scheme != other.scheme { return false }
        switch (host, other.host) {
        case (.any, _): return true
        case (.below(let suffix), .below(let name)), (.below(let suffix), .name(let name)):
            return name.hasSuffix(suffix)
        case (.name, _), (.address, _): return host == other.host
        case (.below, _): return false
        }
    }

    /// Whether some origin matches both patterns.
    package func overlaps(_ other: HostPattern) -> Bool {
        if let port, let theirs = other.port, port != theirs { return false }
        if let scheme, let theirs = other.scheme, scheme != theirs { return false }
        switch (host, other.host) {
        case (.any, _), (_, .any): return true
        case (.below(let a), .below(let b)): return a.hasSuffix(b) || b.hasSuffix(a)
        case (.below(let suffix), .name(let name)), (.name(let name), .below(let suffix)):
            return name.hasSuffix(suffix)
        default: return host == other.host
        }
    }
}
