/// Divides every duration in a file of Prometheus rules by one factor, so that hours pass in minutes: those of ranges,
/// offsets, `for` and `interval`, but nothing in names or texts. Pure.
package enum DurationScaling {
    package static func scaled(_ rules: String, by divisor: Int) -> String {
        rules.split(separator: "\n", omittingEmptySubsequences: false)
            .map { scaled(line: String($0), by: divisor) }.joined(separator: "\n")
    }

    private static func scaled(line: String, by divisor: Int) -> String {
        if let match = line.wholeMatch(of: /(\s*(?:for|interval): )([0-9a-z]+)\s*/) {
            return match.1 + duration(match.2, by: divisor)
        }
        return line.replacing(/(\[|\boffset )([0-9]+(?:ms|[smhd]))\b/) { $0.1 + duration($0.2, by: divisor) }
    }

    /// Unchanged if it is not a duration.
    private static func duration(_ text: Substring, by divisor: Int) -> String {
        guard let match = text.wholeMatch(of: /([0-9]+)(ms|s|m|h|d)/), let count = Int(match.1) else {
            return String(text)
        }
        let unit =
            switch match.2 {
            case "ms": 1
            case "s": 1000
            case "m": 60_000
            case "h": 3_600_000
            default: 86_400_000
            }
        let milliseconds = count * unit / divisor
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
