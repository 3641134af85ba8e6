import ProxyTypes
import Testing

@Suite("Dates")
struct DateTextTests {
    @Test(
        "a header's date is an IMF-fixdate",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] as [(Int64, String)])
    func http(seconds: Int64, text: String) {
        #expect(DateText.http(seconds: seconds) == text)
    }

    @Test(
        "a timestamp is RFC 3339 with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"),
            (784_111_777_050, "1994-11-06T08:49:37.050Z"), (951_868_799_999, "2000-02-29T23:59:59.999Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, text: String) {
        #expect(DateText.rfc3339(milliseconds: milliseconds) == text)
    }

    @Test("every day of 800 years follows the one before, and is counted back to its number")
    func calendar() throws {
        var expected = try #require(CalendarDate(year: 1570, month: 1, day: 1))
        let first = expected.daysSince1970
        for number in first...(first + 292_194) {
            let date = CalendarDate(daysSince1970: number)
            guard date == expected, date.daysSince1970 == number else {
                Issue.record("\(number): \(date), not \(expected)")
                return
            }
            expected = try #require(
                CalendarDate(year: date.year, month: date.month, day: date.day + 1)
                    ?? CalendarDate(year: date.year, month: date.month + 1, day: 1)
                    ?? CalendarDate(year: date.year + 1, month: 1, day: 1))
        }
        #expect(expected == CalendarDate(year: 2370, month: 1, day: 2))
        #expect(CalendarDate(year: 1970, month: 1, day: 1)?.daysSince1970 == 0)
        #expect(CalendarDate(year: 2000, month: 3, day: 1)?.daysSince1970 == 11_017)
    }

    @Test(
        "days that no month has are none",
        arguments: [
            (2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0), (2024, 1, 32),
        ])
    func noDays(year: Int, month: Int, day: Int) {
        #expect(CalendarDate(year: year, month: month, day: day) == nil)
    }
}
