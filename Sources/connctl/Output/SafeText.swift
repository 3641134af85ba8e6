/// Makes untrusted text safe for a terminal: it cannot move the cursor, change colours or reorder text. Pure.
enum SafeText {
    /// One line; control characters are written as `\u{1b}`.
    static func line(_ text: some StringProtocol) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return String(text) }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            result += isUnsafe(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(Character(scalar))
        }
    }

    /// Several lines; tabs stay.
    static func lines(_ text: some StringProtocol) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map {
                $0.split(separator: "\t", omittingEmptySubsequences: false).map { line($0) }.joined(separator: "\t")
            }
            .joined(separator: "\n")
    }

    /// Equivalent JSON: unsafe characters, which occur only in strings, become escapes such as `\u001b`.
    static func json(_ body: [UInt8]) -> String {
        let text = String(decoding: body, as: UTF8.self)
        let isUnsafeHere: (Unicode.Scalar) -> Bool = { isUnsafe($0) && !["\n", "\r", "\t"].contains($0) }
        guard text.unicodeScalars.contains(where: isUnsafeHere) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            guard isUnsafeHere(scalar) else {
                result.unicodeScalars.append(scalar)
                return
            }
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
        }
    }

    /// C0, DEL, C1, line separators and bidirectional controls.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
