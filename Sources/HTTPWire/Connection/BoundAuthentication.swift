/// Tells authentication that holds for a connection from that which holds for a request. HTTP is stateless (RFC 9110 3.3),
/// but NTLM and Negotiate (RFC 4559) authenticate a connection: whatever is sent on it later acts as that user, with or
/// without credentials of its own.
enum BoundAuthentication {
    /// `value` is that of an Authorization, WWW-Authenticate or Proxy-Authenticate field: credentials, or a list of
    /// challenges. A scheme's name after a comma counts wherever it stands, also within a quoted string: taking one
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
        case 8: a == 0x736F_7265_6272_656B  // kerberos
        case 9: a == 0x7461_6974_6F67_656E && Grammar.lowerWord(bytes, start + 8, 1) == 0x65  // negotiate
        default: false
        }
    }
}
