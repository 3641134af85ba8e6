/// Whole numbers in decimal: digits alone, no sign, no leading zero, no separators. Pure.
package enum DecimalText {
    package static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Nil also where the number does not fit.
    package static func parse<Number: FixedWidthInteger>(
        _ text: some StringProtocol, as type: Number.Type = Int.self
    ) -> Number? {
        parse(Array(text.utf8), as: type)
    }

    package static func parse<Number: FixedWidthInteger>(
        _ digits: some Collection<UInt8>, as type: Number.Type = Int.self
    ) -> Number? {
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var value: Number = 0
        for byte in digits {
            guard isDigit(byte) else { return nil }
            let (product, tooBig) = value.multipliedReportingOverflow(by: 10)
            let (sum, over) = product.addingReportingOverflow(Number(byte - UInt8(ascii: "0")))
            guard !tooBig, !over else { return nil }
            value = sum
        }
        return value
    }
}
