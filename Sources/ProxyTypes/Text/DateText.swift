/// Points in time as headers and logs write them. Pure.
package enum DateText {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// IMF-fixdate (RFC 9110 5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`. `seconds` since 1970, not negative.
    package static func http(seconds: Int64) -> String {
        let (day, rest) = (seconds / 86_400, seconds % 86_400)
        let date = CalendarDate(daysSince1970: day)
        return "\(days[Int(day % 7)]), \(two(date.day)) \(months[date.month - 1]) \(date.year) \(time(rest)) GMT"
    }

    /// RFC 3339, UTC, with milliseconds: `1994-11-06T08:49:37.000Z`. `milliseconds` since 1970, not negative.
    package static func rfc3339(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        let date = CalendarDate(daysSince1970: seconds / 86_400)
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        return "\(date.year)-\(two(date.month))-\(two(date.day))T\(time(seconds % 86_400)).\(fraction)Z"
    }

    private static func time(_ seconds: Int64) -> String {
        "\(two(Int(seconds / 3600))):\(two(Int(seconds / 60 % 60))):\(two(Int(seconds % 60)))"
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

/// A day of the proleptic Gregorian calendar. Value.
///
/// Years are counted from March in the arithmetic, so that the leap day is their last.
package struct CalendarDate: Hashable, Sendable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int

    private static let daysPerEra: Int64 = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysTo1970: Int64 = 719_468

    /// Nil where the month has no such day.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...12).contains(month), (1...Self.length(of: month, in: year)).contains(day) else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    package init(daysSince1970: Int64) {
        let day = daysSince1970 + Self.daysTo1970
        let era = (day >= 0 ? day : day - (Self.daysPerEra - 1)) / Self.daysPerEra
        let dayOfEra = day - era * Self.daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        month = Int(fromMarch < 10 ? fromMarch + 3 : fromMarch - 9)
        self.day = Int(dayOfYear - (153 * fromMarch + 2) / 5 + 1)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    package var daysSince1970: Int64 {
        let fromMarch = Int64(month <= 2 ? year - 1 : year)
        let era = (fromMarch >= 0 ? fromMarch : fromMarch - 399) / 400
        let yearOfEra = fromMarch - era * 400
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * Self.daysPerEra + dayOfEra - Self.daysTo1970
    }

    private static func length(of month: Int, in year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }
}
