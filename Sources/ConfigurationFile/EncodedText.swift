/// Decodes a text file according to its byte order mark (YAML 1.2 5.2), which is not part of the text; without one, as
/// UTF-8. Pure.
enum EncodedText {
    private static let mark: Unicode.Scalar = "\u{FEFF}"

    /// Nil where the bytes are invalid in that encoding.
    static func decode(_ bytes: [UInt8]) -> String? {
        guard var text = text(of: bytes) else { return nil }
        // Concatenated files have one mark each.
        while text.unicodeScalars.first == mark { text.unicodeScalars.removeFirst() }
        return text
    }

    private static func text(of bytes: [UInt8]) -> String? {
        // The mark of UTF-32 begins like that of UTF-16.
        switch (bytes.first, bytes.dropFirst().first, bytes.dropFirst(2).first, bytes.dropFirst(3).first) {
        case (0xFF, 0xFE, 0, 0):
            units(bytes, of: UInt32.self, isBigEndian: false).flatMap { String(validating: $0, as: UTF32.self) }
        case (0, 0, 0xFE, 0xFF):
            units(bytes, of: UInt32.self, isBigEndian: true).flatMap { String(validating: $0, as: UTF32.self) }
        case (0xFF, 0xFE, _, _):
            units(bytes, of: UInt16.self, isBigEndian: false).flatMap { String(validating: $0, as: UTF16.self) }
        case (0xFE, 0xFF, _, _):
            units(bytes, of: UInt16.self, isBigEndian: true).flatMap { String(validating: $0, as: UTF16.self) }
        default: String(validating: bytes, as: UTF8.self)
        }
    }

    /// Nil where the last one is incomplete.
    private static func units<Unit: FixedWidthInteger>(
        _ bytes: [UInt8], of _: Unit.Type, isBigEndian: Bool
    ) -> [Unit]? {
        let width = Unit.bitWidth / 8
        guard bytes.count % width == 0 else { return nil }
        return stride(from: 0, to: bytes.count, by: width).map { start in
            let unit = bytes[start..<(start + width)]
            return isBigEndian
                ? unit.reduce(0) { $0 << 8 | Unit($1) } : unit.reversed().reduce(0) { $0 << 8 | Unit($1) }
        }
    }
}
