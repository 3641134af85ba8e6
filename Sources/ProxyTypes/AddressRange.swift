/// A range of addresses with a common prefix (CIDR, RFC 4632 and 4291). Value.
///
/// A range has one family: `::/0` contains no IPv4 address.
package struct AddressRange: Hashable, BitwiseCopyable, Sendable, CustomStringConvertible {
    package let base: IPAddress
    /// 0 to 32 for IPv4, 0 to 128 for IPv6.
    package let prefixLength: Int

    package enum Problem: Error, Hashable {
        case notAnAddress, prefixLength
        /// Bits behind the prefix are set; the payload is the range without them.
        case bitsBehindPrefix(AddressRange)
    }

    /// `10.0.0.0/8`, `fd00::/8`, or a single address.
    package init(parsing text: some StringProtocol) throws(Problem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { throw .notAnAddress }
        guard parts.count == 2 else {
            base = address
            prefixLength = address.family.bits
            return
        }
        // The prefix of an IPv4-mapped base is counted in 128 bits, of which the first 96 are fixed.
        let written = first.utf8.contains(UInt8(ascii: ":")) ? IPAddress.Family.ipv6 : .ipv4
        guard let count = DecimalText.parse(parts[1]), count <= written.bits else { throw .prefixLength }
        let length = count - (written.bits - address.family.bits)
        guard length >= 0 else { throw .prefixLength }
        let range = AddressRange(address, prefixLength: length)
        guard range.base == address else { throw .bitsBehindPrefix(range) }
        base = address
        prefixLength = length
    }

    /// The range that contains the address: bits behind the prefix are cleared, and the length is clamped.
    package init(_ address: IPAddress, prefixLength: Int) {
        let length = min(max(prefixLength, 0), address.family.bits)
        base = Self.masked(address, to: length)
        self.prefixLength = length
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.family == base.family && Self.masked(address, to: prefixLength) == base
    }

    package var isSingleAddress: Bool { prefixLength == base.family.bits }

    package var description: String { "\(base)/\(prefixLength)" }

    private static func masked(_ address: IPAddress, to prefixLength: Int) -> IPAddress {
        let length = address.family == .ipv4 ? prefixLength + 96 : prefixLength
        let high: UInt64 = length >= 64 ? .max : ~(UInt64.max >> UInt64(length))
        let low: UInt64 = length <= 64 ? 0 : ~(length == 128 ? 0 : UInt64.max >> UInt64(length - 64))
        return IPAddress(high: address.high & high, low: address.low & low)
    }
}
