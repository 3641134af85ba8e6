/// Which addresses a connection to an address may reach: this host, by the rules of Linux, or the IPv4 address that a
/// gateway extracts from an IPv6 address by the RFCs.
extension IPAddress {
    private static let loopback4 = IPAddress(ipv4: 0x7F00_0001)
    private static let loopback6 = IPAddress(high: 0, low: 1)

    /// Where Linux connects: for the unspecified address, the loopback address of its family; otherwise the address
    /// itself. Other addresses of 0.0.0.0/8 are not this host and are routed like any other.
    package var destination: IPAddress {
        guard isUnspecified else { return self }
        return family == .ipv4 ? Self.loopback4 : Self.loopback6
    }

    /// The address and all that a connection to it may reach: its destination, and the IPv4 addresses embedded in it
    /// for a translator or a tunnel. A rule that denies one of them denies the address.
    package var reaches: [IPAddress] {
        var all = [self]
        for address in [destination] + carried where !all.contains(address) { all.append(address) }
        return all
    }

    /// The embedded IPv4 addresses except 0.0.0.0/8, which an interpretation yields only where it does not apply.
    private var carried: [IPAddress] {
        family == .ipv6 ? everyCarried.filter { $0.low >> 24 & 0xFF != 0 } : []
    }

    private var everyCarried: [IPAddress] {
        // ISATAP (RFC 5214 6.1), behind any prefix.
        var found = low >> 32 & ~0x0200_0000 == 0x5EFE ? [lowest] : []
        switch high >> 48 {
        // IPv4-compatible (RFC 4291 2.5.5.1) and IPv4-translated (RFC 2765 2.1).
        case 0 where high == 0 && (low >> 32 == 0 || low >> 32 == 0xFFFF_0000): found.append(lowest)
        // NAT64's well-known prefix (RFC 6052 2.1), and its local-use one (RFC 8215), within which a network
        // chooses a prefix of 48, 56, 64 or 96 bits.
        case 0x0064 where high == 0x0064_FF9B_0000_0000 && low >> 32 == 0: found.append(lowest)
        case 0x0064 where high >> 16 == 0x0064_FF9B_0001:
            found += [lowest, Self(low >> 24)]
            found.append(Self((high & 0xFFFF) << 16 | low >> 40 & 0xFFFF))
            found.append(Self((high & 0xFF) << 24 | low >> 32 & 0xFF_FFFF))
        // Teredo (RFC 4380 4): the server, and the client's own address with its bits inverted.
        case 0x2001 where high >> 32 == 0x2001_0000: found += [Self(high), Self(~low)]
        // 6to4 (RFC 3056 2).
        case 0x2002: found.append(Self(high >> 16))
        default: break
        }
        return found
    }

    private var lowest: IPAddress { Self(low) }

    /// The IPv4 address in the last 32 bits of a word.
    private init(_ word: UInt64) { self.init(ipv4: UInt32(truncatingIfNeeded: word)) }
}
