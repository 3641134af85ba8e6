/// An IPv4 or IPv6 address without zone or port, parsed strictly and printed as in RFC 5952. Value.
///
/// Stored as 128 bits, IPv4 in its mapped form (`::ffff:a.b.c.d`): the mapped and the plain spelling are the same
/// address, so that a rule about one cannot be bypassed with the other.
package struct IPAddress: Hashable, BitwiseCopyable, Sendable {
    package enum Family: UInt8, Hashable, BitwiseCopyable, Sendable {
        case ipv4, ipv6

        package var bits: Int { self == .ipv4 ? 32 : 128 }
    }

    package let high: UInt64
    package let low: UInt64

    private static let mappedPrefix: UInt64 = 0xFFFF

    package init(ipv4: UInt32) {
        high = 0
        low = Self.mappedPrefix << 32 | UInt64(ipv4)
    }

    /// A mapped address becomes an IPv4 address.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 4 or 16 bytes in network order.
    package init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4:
            self.init(ipv4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self.init(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default:
            return nil
        }
    }

    /// `127.0.0.1`, `::1`; no brackets, zones, leading zeros in IPv4, nor the short and octal forms of `inet_aton`.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let address = Self.parseIPv6(bytes[...]) else { return nil }
            self = address
        } else {
            guard let address = Self.parseIPv4(bytes[...]) else { return nil }
            self.init(ipv4: address)
        }
    }

    package var family: Family { high == 0 && low >> 32 == Self.mappedPrefix ? .ipv4 : .ipv6 }

    package var ipv4: UInt32? { family == .ipv4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// 4 or 16 bytes in network order.
    package var bytes: [UInt8] {
        let all = [high, low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
        return family == .ipv4 ? Array(all.suffix(4)) : all
    }

    package var isLoopback: Bool {
        if let ipv4 { return ipv4 >> 24 == 127 }
        return high == 0 && low == 1
    }

    /// `0.0.0.0` or `::`; `destination` says what a connection to them reaches.
    package var isUnspecified: Bool {
        if let ipv4 { return ipv4 == 0 }
        return high == 0 && low == 0
    }
}

extension IPAddress: Comparable {
    package static func < (a: IPAddress, b: IPAddress) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension IPAddress: CustomStringConvertible {
    /// RFC 5952: lower case, no leading zeros, the first of the longest runs of two or more zero groups as `::`.
    package var description: String {
        if let ipv4 {
            return "\(ipv4 >> 24).\(ipv4 >> 16 & 0xFF).\(ipv4 >> 8 & 0xFF).\(ipv4 & 0xFF)"
        }
        let groups = [high, low].flatMap { word in
            [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: word >> UInt64($0)) }
        }
        guard let gap = Self.longestZeroRun(groups) else { return Self.joined(groups[...]) }
        return Self.joined(groups[..<gap.lowerBound]) + "::" + Self.joined(groups[gap.upperBound...])
    }

    /// As in URLs: an IPv6 address in brackets.
    package var bracketed: String { family == .ipv4 ? description : "[\(description)]" }

    private static func joined(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best = 0..<0
        var start = 0
        for index in groups.indices {
            if groups[index] != 0 {
                start = index + 1
            } else if index + 1 - start > best.count {
                best = start..<(index + 1)
            }
        }
        return best.count >= 2 ? best : nil
    }
}

extension IPAddress {
    private static func parseIPv4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.first != UInt8(ascii: "0") || part.count == 1 else { return nil }
            var value: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard value <= 255 else { return nil }
            address = address << 8 | value
        }
        return address
    }

    private static func parseIPv6(_ text: ArraySlice<UInt8>) -> IPAddress? {
        guard let gap = firstDoubleColon(in: text) else {
            guard let groups = parseGroups(text), groups.count == 8 else { return nil }
            return IPAddress(groups: groups)
        }
        let head = text[..<gap]
        let tail = text[(gap + 2)...]
        // An IPv4 tail may end the address only, and `::` stands for one group at least (RFC 4291 2.2).
        guard !head.contains(UInt8(ascii: ".")), let front = parseGroups(head), let back = parseGroups(tail),
            front.count + back.count <= 7
        else { return nil }
        let zeros = [UInt16](repeating: 0, count: 8 - front.count - back.count)
        return IPAddress(groups: front + zeros + back)
    }

    private init(groups: [UInt16]) {
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }

    private static func firstDoubleColon(in text: ArraySlice<UInt8>) -> Int? {
        text.indices.dropLast().first { text[$0] == UInt8(ascii: ":") && text[$0 + 1] == UInt8(ascii: ":") }
    }

    private static func parseGroups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let address = parseIPv4(part) else { return nil }
                groups += [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
            } else {
                guard let group = parseGroup(part) else { return nil }
                groups.append(group)
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    private static func parseGroup(_ text: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var group: UInt16 = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): group = group << 4 | UInt16(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): group = group << 4 | UInt16(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): group = group << 4 | UInt16(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return group
    }
}
