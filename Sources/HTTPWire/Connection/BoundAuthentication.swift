/// Tells authentication that holds for a connection from that which holds for a request. HTTP is stateless (RFC 9110 3.3),
/// but NTLM, Negotiate (RFC 4559) and their kin authenticate a connection: whatever is sent on it later acts as that user,
/// with or without credentials of its own.
enum BoundAuthentication {
    /// `value` is that of an Authorization, WWW-Authenticate or Proxy-Authenticate field: credentials, or a list of
    /// challenges. What follows a comma counts as the beginning of one, even within a quoted string: taking one
    /// connection too many for bound costs a dial, taking one too few an identity.
    static func isNamed(_ bytes: RawSpan, _ value: Range<Int>) -> Bool {
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            let end = Grammar.firstOutsideToken(bytes, from: element.lowerBound, to: element.upperBound)
            if isBound(bytes, element.lowerBound..<end) { return true }
        }
        return false
    }

    /// Scheme names are case-insensitive (RFC 9110 11.1).
    private static func isBound(_ bytes: RawSpan, _ scheme: Range<Int>) -> Bool {
        let start = scheme.lowerBound
        let a = Grammar.lowerWord(bytes, start, scheme.count)
        return switch scheme.count {
        case 4: a == 0x0000_0000_6D6C_746E  // ntlm
        case 5: a == 0x0000_0032_6F67_656E  // nego2
        case 7: a == 0x0070_7373_6465_7263  // credssp
        case 8: a == 0x736F_7265_6272_656B  // kerberos
        case 9: a == 0x7461_6974_6F67_656E && Grammar.lowerWord(bytes, start + 8, 1) == 0x65  // negotiate
        default: false
        }
    }
}
