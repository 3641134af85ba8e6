/// Who is behind a client's connection, as far as it can be known. Value.
package enum ClientIdentity: Hashable, Sendable {
    /// A program of another host, or one that could not be looked up.
    case address(IPAddress)
    /// A program of this user, by its number.
    case user(UInt32)
    case program(String, user: UInt32)
    /// A Unix socket whose other end is unknown.
    case unknown
}

/// As it is stored: `10.0.0.5`, `user:1000`, `program:1000:java`, `unknown`.
extension ClientIdentity {
    package var canonical: String {
        switch self {
        case .address(let address): address.description
        case .user(let user): "user:\(user)"
        case .program(let name, let user): "program:\(user):\(name)"
        case .unknown: "unknown"
        }
    }

    package init?(canonical text: String) {
        if text == "unknown" {
            self = .unknown
            return
        }
        // A program's name may hold colons.
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        let user = parts.count > 1 ? DecimalText.parse(parts[1]).flatMap { UInt32(exactly: $0) } : nil
        if let user, parts[0] == "user", parts.count == 2 {
            self = .user(user)
        } else if let user, parts[0] == "program", parts.count == 3, !parts[2].isEmpty {
            self = .program(parts[2], user: user)
        } else if let address = IPAddress(text) {
            self = .address(address)
        } else {
            return nil
        }
    }
}
