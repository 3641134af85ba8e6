/// Formats sizes, durations, counts and ratios for people. Pure.
enum Formatting {
    static let none = "-"

    /// 12,345.
    static func count(_ number: Int) -> String {
        let digits = Array("\(number.magnitude)")
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// 512 B, 1.2 MiB.
    static func size(_ bytes: Int) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var value = Double(bytes) / 1024
        var unit = 0
        let names = ["KiB", "MiB", "GiB", "TiB", "PiB"]
        // A value that would round to 1024 of one unit is shown as 1.0 of the next.
        while value >= 1023.95, unit < names.count - 1 {
            value /= 1024
            unit += 1
        }
        return "\(decimal(value, 1)) \(names[unit])"
    }

    /// 0.42ms, 12.5ms, 340ms, 1.25s, 2m5s, 3h12m, 2d4h.
    static func duration(ms: Double) -> String {
        if ms < 0 { return "-" + duration(ms: -ms) }
        if ms == 0 { return "0ms" }
        if ms < 9.995 { return decimal(ms, 2) + "ms" }
        if ms < 99.95 { return decimal(ms, 1) + "ms" }
        if ms < 999.5 { return decimal(ms, 0) + "ms" }
        if ms < 9_995 { return decimal(ms / 1000, 2) + "s" }
        if ms < 59_950 { return decimal(ms / 1000, 1) + "s" }
        let seconds = ms >= 9e15 ? Int64(9e12) : Int64((ms / 1000).rounded())
        if seconds < 3600 { return pair(seconds / 60, "m", seconds % 60, "s") }
        if seconds < 86_400 { return pair(seconds / 3600, "h", seconds % 3600 / 60, "m") }
        return pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
    }

    static func duration(ms: Double?) -> String {
        ms.map { duration(ms: $0) } ?? none
    }

    /// 98.2%; rounds to 100% or 0% only if it is exactly that.
    static func share(_ ratio: Double?) -> String {
        guard let ratio else { return none }
        let percent = ratio * 100
        if percent > 99.9, percent < 100 { return "99.9%" }
        if percent > 0, percent < 0.1 { return "0.1%" }
        return decimal(percent, percent == 100 || percent == 0 ? 0 : 1) + "%"
    }

    /// 3, 12.5, 340, 12.0k, 3.4M: for rates.
    static func short(_ value: Double) -> String {
        let size = value.magnitude
        if size < 9_999.5, value == value.rounded() { return decimal(value, 0) }
        if size < 9.995 { return decimal(value, 2) }
        if size < 99.95 { return decimal(value, 1) }
        if size < 9_999.5 { return decimal(value, 0) }
        if size < 999_950 { return decimal(value / 1000, 1) + "k" }
        return decimal(value / 1_000_000, 1) + "M"
    }

    /// `3m5s ago`, `in 10m`.
    static func ago(_ time: Int64?, now: Int64) -> String {
        guard let time else { return none }
        let passed = (now - time) / 1000
        if passed == 0 { return "just now" }
        let text = passed.magnitude < 60 ? "\(passed.magnitude)s" : duration(ms: Double(passed.magnitude) * 1000)
        return passed < 0 ? "in \(text)" : "\(text) ago"
    }

    /// `2026-11-23 01:09:00Z` of `2026-11-23T01:09:00.123Z`.
    static func time(_ text: String) -> String {
        guard text.utf8.count >= 20, text.hasSuffix("Z") else { return text }
        return text.prefix(19).map { $0 == "T" ? " " : String($0) }.joined() + "Z"
    }

    static func plural(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count(number)) \(number == 1 ? one : many ?? one + "s")"
    }

    static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
        let scale = [1.0, 10, 100][min(max(places, 0), 2)]
        let scaled = Int64((value.magnitude * scale).rounded())
        let whole = scaled / Int64(scale)
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(whole)" }
        let rest = "\(scaled % Int64(scale))"
        return "\(sign)\(whole)." + String(repeating: "0", count: places - rest.count) + rest
    }

    private static func pair(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small)\(smallUnit)"
    }
}
