/// The fields that a proxy must know; all others are `other`. Recognised by length, then by lower-cased words.
package enum FieldID: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case other, connection, keepAlive, proxyConnection, te, trailer, transferEncoding, contentLength, host, upgrade
    case expect, via, maxForwards, proxyAuthorization, proxyAuthenticate, proxyAuthenticationInfo, date, server
    case authorization, wwwAuthenticate, proxySupport, origin, secFetchSite

    /// Bit n: a known name has n bytes. Many fields of real messages are told apart by this alone.
    private static let knownLengths: UInt64 = 0x020F_74DC

    /// `name` holds tchars only.
    @inline(__always)
    static func recognise(_ bytes: RawSpan, _ name: Range<Int>) -> FieldID {
        let length = name.count
        guard length < 64, (knownLengths &>> UInt64(length)) & 1 != 0 else {
            return .other
        }
        return recognise(
            length, Grammar.lowerWord(bytes, name.lowerBound, length),
            Grammar.lowerWord(bytes, name.lowerBound &+ 8, length - 8),
            Grammar.lowerWord(bytes, name.lowerBound &+ 16, length - 16),
            Grammar.lowerWord(bytes, name.lowerBound &+ 24, length - 24)
        )
    }

    /// The name's first 32 bytes as words, each as `Grammar.lowerWord` makes it.
    static func recognise(_ length: Int, _ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> FieldID {
        switch length {
        case 2 where a == 0x0000_0000_0000_6574: .te
        case 3 where a == 0x0000_0000_0061_6976: .via
        case 4 where a == 0x0000_0000_7473_6F68: .host
        case 4 where a == 0x0000_0000_6574_6164: .date
        case 6 where a == 0x0000_7463_6570_7865: .expect
        case 6 where a == 0x0000_7265_7672_6573: .server
        case 6 where a == 0x0000_6E69_6769_726F: .origin
        case 7 where a == 0x0072_656C_6961_7274: .trailer
        case 7 where a == 0x0065_6461_7267_7075: .upgrade
        case 10 where a == 0x6974_6365_6E6E_6F63 && b == 0x0000_0000_0000_6E6F: .connection
        case 10 where a == 0x696C_612D_7065_656B && b == 0x0000_0000_0000_6576: .keepAlive
        case 12 where a == 0x7772_6F66_2D78_616D && b == 0x0000_0000_7364_7261: .maxForwards
        case 13 where a == 0x7A69_726F_6874_7561 && b == 0x0000_006E_6F69_7461: .authorization
        case 13 where a == 0x7573_2D79_786F_7270 && b == 0x0000_0074_726F_7070: .proxySupport
        case 14 where a == 0x2D74_6E65_746E_6F63 && b == 0x0000_6874_676E_656C: .contentLength
        case 14 where a == 0x6374_6566_2D63_6573 && b == 0x0000_6574_6973_2D68: .secFetchSite
        case 16 where a == 0x6F63_2D79_786F_7270 && b == 0x6E6F_6974_6365_6E6E: .proxyConnection
        case 16 where a == 0x6874_7561_2D77_7777 && b == 0x6574_6163_6974_6E65: .wwwAuthenticate
        case 17
        where a == 0x7265_6673_6E61_7274 && b == 0x6E69_646F_636E_652D
            && c == 0x0000_0000_0000_0067:
            .transferEncoding
        case 18
        where a == 0x7561_2D79_786F_7270 && b == 0x6163_6974_6E65_6874
            && c == 0x0000_0000_0000_6574:
            .proxyAuthenticate
        case 19
        where a == 0x7561_2D79_786F_7270 && b == 0x7461_7A69_726F_6874
            && c == 0x0000_0000_006E_6F69:
            .proxyAuthorization
        case 25
        where a == 0x7561_2D79_786F_7270 && b == 0x6163_6974_6E65_6874
            && c == 0x666E_692D_6E6F_6974 && d == 0x0000_0000_0000_006F:
            .proxyAuthenticationInfo
        default: .other
        }
    }
}
