import ProxyTypes

/// Sorts the addresses of a name by preference: RFC 6724 section 6, without the rules on mobility, deprecated addresses and
/// the longest prefix, which would have all hosts of a network use the same one of several addresses.
enum DestinationOrder {
    /// `source`: the address that the host would send from; nil where it cannot reach the destination. Equals stay in
    /// their order. Where no destination can be reached, or nothing is known of that, only the policy table counts.
    static func sorted(_ addresses: [IPAddress], source: (IPAddress) -> IPAddress?) -> [IPAddress] {
        // One family: what remains of the rules makes no difference worth a system call for each address.
        guard let first = addresses.first, addresses.contains(where: { $0.family != first.family }) else {
            return addresses
        }
        let ranks = addresses.enumerated().map { index, address in
            rank(address, source: source(address), index: index)
        }
        return ranks.indices.sorted { ranks[$0] < ranks[$1] }.map { addresses[$0] }
    }

    /// Less is better.
    private struct Rank: Comparable {
        let parts: [Int]
        static func < (a: Rank, b: Rank) -> Bool { a.parts.lexicographicallyPrecedes(b.parts) }
    }

    private static func rank(_ address: IPAddress, source: IPAddress?, index: Int) -> Rank {
        let policy = Policy(address)
        let sourcePolicy = source.map(Policy.init)
        return Rank(parts: [
            // Rule 1: avoid unusable destinations. Rule 2: prefer matching scope. Rule 5: prefer matching label.
            source == nil ? 1 : 0,
            sourcePolicy.map { $0.scope == policy.scope } ?? true ? 0 : 1,
            sourcePolicy.map { $0.label == policy.label } ?? true ? 0 : 1,
            // Rule 6: prefer higher precedence. Rule 8: prefer smaller scope.
            -policy.precedence, policy.scope, index,
        ])
    }

    /// The default policy table of section 2.1, and the scopes of section 3.1.
    private struct Policy {
        let precedence: Int
        let label: Int
        let scope: Int

        private static let (linkLocal, siteLocal, global) = (2, 5, 14)

        init(_ address: IPAddress) {
            if let ipv4 = address.ipv4 {
                (precedence, label) = (35, 4)
                let isLinkLocal = ipv4 >> 16 == 0xA9FE || ipv4 >> 24 == 127
                scope = isLinkLocal ? Self.linkLocal : Self.global
                return
            }
            let top = address.high >> 48
            scope =
                top & 0xFFC0 == 0xFE80 || address == IPAddress(high: 0, low: 1)
                ? Self.linkLocal : top & 0xFFC0 == 0xFEC0 ? Self.siteLocal : Self.global
            switch top {
            case _ where address == IPAddress(high: 0, low: 1): (precedence, label) = (50, 0)
            case 0x2002: (precedence, label) = (30, 2)
            case 0x2001 where address.high >> 32 == 0x2001_0000: (precedence, label) = (5, 5)
            case _ where top >> 9 == 0xFC00 >> 9: (precedence, label) = (3, 13)
            case _ where top & 0xFFC0 == 0xFEC0: (precedence, label) = (1, 11)
            case 0x3FFE: (precedence, label) = (1, 12)
            case 0 where address.high == 0 && address.low >> 32 == 0: (precedence, label) = (1, 3)
            default: (precedence, label) = (40, 1)
            }
        }
    }
}
