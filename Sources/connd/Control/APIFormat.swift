import ProxyTypes

/// Times and durations as the API writes them.
enum APIFormat {
    /// RFC 3339, UTC.
    static func time(_ milliseconds: Int64) -> String { DateText.rfc3339(milliseconds: max(milliseconds, 0)) }

    /// The metadata key of a subject in log messages.
    static func subjectKey(_ subject: String) -> String { subject.contains("://") ? "origin" : "pattern" }

    /// `118us`, `1.52ms`, `3.4s`, `2m5s`, `3h20m`, `4d2h`: three significant digits.
    static func duration(microseconds: Int64) -> String {
        let value = max(microseconds, 0)
        switch value {
        case 0: return "0s"
        case ..<1000: return "\(value)us"
        case ..<1_000_000: return decimal(value, 1000) + "ms"
        case ..<60_000_000: return decimal(value, 1_000_000) + "s"
        default: break
        }
        let seconds = value / 1_000_000
        switch seconds {
        case ..<3600: return pair(seconds, 60, "m", "s")
        case ..<86400: return pair(seconds / 60, 60, "h", "m")
        default: return pair(seconds / 3600, 24, "d", "h")
        }
    }

    static func duration(milliseconds: Int64) -> String {
        duration(microseconds: milliseconds.multipliedReportingOverflow(by: 1000).partialValue)
    }

    /// Microseconds as milliseconds with three places.
    static func milliseconds(_ microseconds: Int64) -> Double { Double(microseconds) / 1000 }

    private static func decimal(_ value: Int64, _ unit: Int64) -> String {
        let whole = value / unit
        let places: Int64 = whole >= 100 ? 0 : whole >= 10 ? 1 : 2
        var scale: Int64 = 1
        for _ in 0..<places { scale *= 10 }
        let rest = value % unit * scale / unit
        guard rest > 0 else { return "\(whole)" }
        var digits = String(scale + rest).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    private static func pair(_ value: Int64, _ base: Int64, _ large: String, _ small: String) -> String {
        let rest = value % base
        return rest == 0 ? "\(value / base)\(large)" : "\(value / base)\(large)\(rest)\(small)"
    }
}
