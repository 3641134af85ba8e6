import ProxyTypes

/// Sizes as people write them: `64KiB`, `1MiB`, `2GiB`, or plain bytes. Pure.
package enum SizeText {
    private static let units: [(name: String, bytes: Int)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    /// Nil for anything else, including the ambiguous `64KB` and `64K` (1000 or 1024).
    package static func parse(_ text: some StringProtocol) -> Int? {
        let bytes = Array(text.utf8)
        let digits = bytes.prefix { DecimalText.isDigit($0) }
        guard let count = DecimalText.parse(digits) else { return nil }
        let name = bytes.dropFirst(digits.count)
        if name.isEmpty { return count }
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(name) }) else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
        return overflow ? nil : product
    }

    /// The canonical form: a whole number of the largest unit that divides the size.
    package static func print(_ size: Int) -> String {
        guard size != 0 else { return "0" }
        for unit in units where size % unit.bytes == 0 { return "\(size / unit.bytes)\(unit.name)" }
        return "\(size)"
    }
}
