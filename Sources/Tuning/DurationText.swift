package import ProxyTypes

/// Durations as people write them: `4s`, `250ms`, `15m`, `1h30m`. Pure.
package enum DurationText {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000),
        ("ns", 1),
    ]

    /// One or more whole numbers, each with its unit, in descending order of units; 0 needs no unit. Nil for anything
    /// else.
    package static func parse(_ text: some StringProtocol) -> Interval? {
        if text == "0" { return .zero }
        var rest = Array(text.utf8)[...]
        var remaining = units[...]
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { DecimalText.isDigit($0) }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { !DecimalText.isDigit($0) }
            rest = rest.dropFirst(name.count)
            guard let count = DecimalText.parse(digits),
                let index = remaining.firstIndex(where: { $0.name.utf8.elementsEqual(name) })
            else { return nil }
            let (product, tooBig) = Int64(count).multipliedReportingOverflow(by: units[index].nanoseconds)
            let (sum, over) = total.addingReportingOverflow(product)
            guard !tooBig, !over else { return nil }
            total = sum
            remaining = units[(index + 1)...]
        }
        return Interval(nanoseconds: total)
    }

    /// The canonical form: a whole number of the largest unit that divides the duration; `0` for zero.
    package static func print(_ interval: Interval) -> String {
        guard interval != .zero else { return "0" }
        for unit in units where interval.nanoseconds % unit.nanoseconds == 0 {
            return "\(interval.nanoseconds / unit.nanoseconds)\(unit.name)"
        }
        return "\(interval.nanoseconds)ns"
    }
}
