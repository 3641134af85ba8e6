import ProxyTypes

/// Points in time in queries, in milliseconds since 1970 UTC. Pure.
enum TimeText {
    /// The pattern of what `parse` accepts, for the OpenAPI document.
    static let pattern =
        "^([0-9]{1,15}|-([0-9]{1,6}(d|h|m|s|ms))+|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
        + "([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))$"

    /// Milliseconds since 1970, `-1h30m` before now, or RFC 3339.
    static func parse(_ text: String, now: Int64) -> Int64? {
        let bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "-") { return ago(bytes[1...]).map { now - $0 } }
        if (1...15).contains(bytes.count), bytes.allSatisfy(DecimalText.isDigit) { return Int64(text) }
        return rfc3339(bytes)
    }

    private static func ago(_ text: ArraySlice<UInt8>) -> Int64? {
        let units: [String: Int64] = ["d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1]
        var rest = text
        var total: Int64 = 0
        guard (2...64).contains(text.count) else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix(while: DecimalText.isDigit)
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !DecimalText.isDigit($0) }
            rest = rest.dropFirst(unit.count)
            guard (1...6).contains(digits.count), let count = Int64(String(decoding: digits, as: UTF8.self)),
                let length = units[String(decoding: unit, as: UTF8.self)]
            else { return nil }
            total += count * length
        }
        return total
    }

    private static func rfc3339(_ text: [UInt8]) -> Int64? {
        let shape = Array("dddd-dd-ddTdd:dd:dd".utf8)
        guard text.count > shape.count else { return nil }
        for (byte, expected) in zip(text, shape) {
            switch expected {
            case UInt8(ascii: "d"): guard DecimalText.isDigit(byte) else { return nil }
            case UInt8(ascii: "T"): guard byte | 0x20 == UInt8(ascii: "t") || byte == 0x20 else { return nil }
            default: guard byte == expected else { return nil }
            }
        }
        func number(_ range: Range<Int>) -> Int {
            text[range].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
        guard let date = CalendarDate(year: year, month: month, day: day), hour < 24, minute < 60, second <= 60 else {
            return nil
        }
        var rest = text[19...]
        var milliseconds = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix(while: DecimalText.isDigit)
            guard (1...9).contains(digits.count) else { return nil }
            let padded = Array(digits.prefix(3)) + Array(repeating: UInt8(ascii: "0"), count: max(0, 3 - digits.count))
            milliseconds = padded.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            rest = rest.dropFirst(1 + digits.count)
        }
        guard let offset = offset(rest) else { return nil }
        let seconds = Int(date.daysSince1970) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Int64(seconds * 1000 + milliseconds)
    }

    /// Seconds east of UTC.
    private static func offset(_ text: ArraySlice<UInt8>) -> Int? {
        let bytes = Array(text)
        if bytes == [UInt8(ascii: "Z")] || bytes == [UInt8(ascii: "z")] { return 0 }
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"),
            [1, 2, 4, 5].allSatisfy({ DecimalText.isDigit(bytes[$0]) }),
            bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-")
        else { return nil }
        func pair(_ index: Int) -> Int { Int(bytes[index] - 48) * 10 + Int(bytes[index + 1] - 48) }
        guard pair(1) < 24, pair(4) < 60 else { return nil }
        return (pair(1) * 3600 + pair(4) * 60) * (bytes[0] == UInt8(ascii: "+") ? 1 : -1)
    }
}
