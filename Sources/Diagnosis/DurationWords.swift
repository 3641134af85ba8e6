import ProxyTypes

/// Lengths of time for people. Pure.
enum DurationWords {
    /// `80 us`, `12 ms`, `5.00 s`, `75 s`, `2 min 5 s`.
    static func of(_ length: Interval) -> String {
        let microseconds = max(length.microseconds, 0)
        switch microseconds {
        case ..<1000: return "\(microseconds) us"
        case ..<1_000_000: return "\(rounded(microseconds, 1000)) ms"
        case ..<120_000_000:
            let hundredths = rounded(microseconds, 10_000)
            if hundredths % 100 == 0, hundredths >= 1000 { return "\(hundredths / 100) s" }
            return "\(hundredths / 100).\(two(hundredths % 100)) s"
        default:
            let seconds = rounded(microseconds, 1_000_000)
            return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds / 60) min \(seconds % 60) s"
        }
    }

    private static func rounded(_ value: Int64, _ unit: Int64) -> Int64 { (value + unit / 2) / unit }
    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
