package import ProxyTypes

/// One entry of the `allow` and `deny` lists: a host pattern or a range of addresses. Value.
///
/// Checked twice, with the name that the client gave and with each address that it resolves to, so that DNS cannot
/// bypass it.
package enum DestinationPattern: Hashable, Sendable, CustomStringConvertible {
    case host(HostPattern)
    case range(AddressRange)

    package static let allowed = "a host pattern (\(HostPattern.allowed)) or a range of addresses such as 10.0.0.0/8"

    package init(parsing text: String) throws(ValueProblem) {
        let isOrigin = text.lowercased().hasPrefix("http")
        if IPAddress(text) != nil || text.utf8.contains(UInt8(ascii: "/")) && !isOrigin {
            do {
                self = .range(try AddressRange(parsing: text))
            } catch {
                throw ValueProblem(range: text, error, allowed: Self.allowed)
            }
        } else {
            do {
                self = .host(try HostPattern(parsing: text))
            } catch {
                throw ValueProblem(allowed: Self.allowed + HostPattern.advice(on: text), text: text)
            }
        }
    }

    /// By the origin's host, which may be a literal address.
    package func matches(_ origin: Origin) -> Bool {
        switch self {
        case .host(let pattern): pattern.matches(origin)
        case .range(let range): origin.address.map { range.contains($0) } ?? false
        }
    }

    package func matches(_ address: IPAddress, port: UInt16) -> Bool {
        switch self {
        case .host(let pattern):
            guard case .address(let wanted) = pattern.host else { return false }
            return wanted == address && (pattern.port ?? port) == port
        case .range(let range):
            return range.contains(address)
        }
    }

    package var description: String {
        switch self {
        case .host(let pattern): pattern.description
        case .range(let range): range.isSingleAddress ? range.base.description : range.description
        }
    }
}

extension ValueProblem {
    /// For a refused range. Where only bits behind the prefix are set, the text suggests the range without them.
    package init(range text: String, _ problem: AddressRange.Problem, allowed: String) {
        switch problem {
        case .bitsBehindPrefix(let meant):
            self.init(allowed: "\(meant) or one address", text: text)
        case .prefixLength:
            self.init(allowed: "an address with a prefix of 0 to 32 (IPv4) or 0 to 128 (IPv6)", text: text)
        case .notAnAddress:
            self.init(allowed: allowed, text: text)
        }
    }
}
