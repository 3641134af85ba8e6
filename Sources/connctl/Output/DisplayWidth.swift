/// The number of terminal columns that text takes, by East Asian Width and the common emoji. Pure.
enum DisplayWidth {
    static func of(_ text: some StringProtocol) -> Int {
        // Almost all text is ASCII.
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.reduce(0) { $0 + of($1) }
    }

    static func of(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        if character.unicodeScalars.contains(where: { $0.value == 0xFE0F }) { return 2 }
        return isWide(scalar.value) ? 2 : 1
    }

    /// The part that fits, with a mark if something was cut.
    static func cut(_ text: String, to columns: Int, sign: String) -> String {
        guard of(text) > columns else { return text }
        var room = columns - of(sign)
        guard room >= 0 else { return "" }
        var result = ""
        for character in text {
            room -= of(character)
            if room < 0 { break }
            result.append(character)
        }
        return result + sign
    }

    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
