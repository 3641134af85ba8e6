/// The permissions of a Unix socket, as for chmod. Value.
package struct SocketMode: Hashable, Sendable, CustomStringConvertible {
    package let bits: UInt16

    package static let allowed = "an octal mode from 0600 to 0777, such as 0660"

    package static let standard = SocketMode(bits: 0o660)

    private init(bits: UInt16) {
        self.bits = bits
    }

    /// `0660` or `660`. Its owner, connd, must be able to read and write.
    package init(parsing text: String) throws(ValueProblem) {
        let digits = text.utf8.count == 4 && text.hasPrefix("0") ? text.dropFirst() : text[...]
        guard digits.utf8.count == 3, digits.utf8.allSatisfy({ (0x30...0x37).contains($0) }),
            let bits = UInt16(digits, radix: 8), bits & 0o600 == 0o600
        else {
            throw ValueProblem(allowed: Self.allowed, text: text)
        }
        self.bits = bits
    }

    package var description: String {
        let digits = String(bits, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
