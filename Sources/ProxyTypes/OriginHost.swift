/// The host of an origin in canonical form, which is the same for all of its spellings. Value.
///
/// Letters are in lower case, one trailing dot is removed, IPv6 addresses follow RFC 5952, and an IPv4-mapped one
/// becomes the IPv4 address that a connection to it reaches. Texts that programs interpret differently are refused, not
/// guessed: numbers that only `inet_aton` accepts as an address (`127.1`, `0x7f.1`, `017700000001`), percent-encoding,
/// zones, and characters beyond ASCII.
package struct OriginHost: Hashable, Sendable, CustomStringConvertible {
    /// As in URLs: an IPv6 address in brackets.
    package let description: String
    /// Nil for a name.
    package let address: IPAddress?

    /// RFC 1035 2.3.4, without the trailing dot.
    package static let maxBytes = 253
    package static let maxLabelBytes = 63

    package enum Problem: Error, Hashable, CaseIterable, Sendable {
        case empty, badCharacter, beyondASCII, percentEncoded, zone, badIPv6, notFourNumbers
        case emptyLabel, longLabel, tooLong
    }

    package init(_ address: IPAddress) {
        self.init(address.bracketed, address)
    }

    private init(_ description: String, _ address: IPAddress?) {
        self.description = description
        self.address = address
    }

    /// Without a port; an IPv6 address in brackets.
    package init(parsing text: some StringProtocol) throws(Problem) {
        var bytes = Array(text.utf8)
        guard let first = bytes.first else { throw .empty }
        if first == UInt8(ascii: "[") {
            self.init(try Self.bracketed(bytes[...]))
            return
        }
        for index in bytes.indices { bytes[index] = try Self.lowered(bytes[index]) }
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        let last = try Self.lastLabel(bytes)
        let canonical = String(decoding: bytes, as: UTF8.self)
        if Self.isNumber(last) {
            guard let address = IPAddress(canonical) else { throw .notFourNumbers }
            self.init(address)
        } else {
            self.init(canonical, nil)
        }
    }

    private static func bracketed(_ bytes: ArraySlice<UInt8>) throws(Problem) -> IPAddress {
        if bytes.contains(UInt8(ascii: "%")) { throw .zone }
        let inner = bytes.dropFirst().dropLast()
        guard bytes.last == UInt8(ascii: "]"), inner.contains(UInt8(ascii: ":")),
            let address = IPAddress(String(decoding: inner, as: UTF8.self))
        else { throw .badIPv6 }
        return address
    }

    /// Allows the unreserved characters of RFC 3986 2.3; internationalised names are written with A-labels.
    private static func lowered(_ byte: UInt8) throws(Problem) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): return byte | 0x20
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            return byte
        case UInt8(ascii: "%"): throw .percentEncoded
        case 0x80...: throw .beyondASCII
        default: throw .badCharacter
        }
    }

    private static func lastLabel(_ bytes: [UInt8]) throws(Problem) -> ArraySlice<UInt8> {
        guard bytes.count <= maxBytes else { throw .tooLong }
        var start = 0
        for end in 0...bytes.count where end == bytes.count || bytes[end] == UInt8(ascii: ".") {
            guard end > start else { throw .emptyLabel }
            guard end - start <= maxLabelBytes else { throw .longLabel }
            if end == bytes.count { break }
            start = end + 1
        }
        return bytes[start...]
    }

    /// A name that ends in a number is an address or an error (WHATWG URL, "ends in a number"): a resolver would
    /// interpret most of them as IPv4 addresses.
    private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
        let isHexadecimal = label.first == UInt8(ascii: "0") && label.dropFirst().first == UInt8(ascii: "x")
        return label.dropFirst(isHexadecimal ? 2 : 0).allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "a")...UInt8(ascii: "f"): isHexadecimal
            default: false
            }
        }
    }
}

extension OriginHost.Problem: CustomStringConvertible {
    /// Continues a sentence that begins with "the host".
    package var description: String {
        switch self {
        case .empty: "is empty"
        case .badCharacter: "must be letters, digits, `-`, `_`, `~` and dots, or an IPv6 address in brackets"
        case .beyondASCII: "must be ASCII: write an international name with A-labels, such as xn--bcher-kva.example"
        case .percentEncoded: "must be written without percent-encoding"
        case .zone: "must be an address without a zone (%eth0): zones are not supported"
        case .badIPv6: "must be an IPv6 address within its brackets"
        case .notFourNumbers:
            "ends in a number, so it must be an IPv4 address as four decimal numbers of 0 to 255 without leading zeros"
        case .emptyLabel: "must not have an empty label: two dots in a row, or one at the start"
        case .longLabel: "must not have a label of more than \(OriginHost.maxLabelBytes) bytes"
        case .tooLong: "must not be longer than \(OriginHost.maxBytes) bytes"
        }
    }
}
