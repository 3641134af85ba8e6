import ProxyTypes
import Testing
import Tuning

@Suite struct DurationTextTests {
    @Test(
        "durations are read, and printed in one form",
        arguments: [
            ("0", 0, "0"), ("0s", 0, "0"), ("4s", 4_000_000_000, "4s"), ("250ms", 250_000_000, "250ms"),
            ("15m", 900_000_000_000, "15m"), ("900s", 900_000_000_000, "15m"), ("1h30m", 5_400_000_000_000, "90m"),
            ("1h", 3_600_000_000_000, "1h"), ("60m", 3_600_000_000_000, "1h"), ("90s", 90_000_000_000, "90s"),
            ("1m30s", 90_000_000_000, "90s"), ("1s500ms", 1_500_000_000, "1500ms"), ("7us", 7000, "7us"),
            ("7ns", 7, "7ns"),
            ("1h1m1s1ms1us1ns", 3_661_001_001_001, "3661001001001ns"),
            ("9223372036854775807ns", Int64.max, "9223372036854775807ns"),
        ])
    func table(text: String, nanoseconds: Int64, printed: String) {
        #expect(DurationText.parse(text) == Interval(nanoseconds: nanoseconds))
        #expect(DurationText.print(Interval(nanoseconds: nanoseconds)) == printed)
    }

    @Test(
        "loose spellings are refused",
        arguments: [
            "", "4", "s", "4 s", " 4s", "4s ", "-4s", "+4s", "4S", "4sec", "1.5s", "1,5s", "04s", "00", "30m1h", "1s1s",
            "1m1ms1s", "4s5",
            "1h-1m", "9223372036854775808ns", "9223372037s", "2562048h", "99999999999999999999s", "4µs", "٤s", "1d",
            "ms", "0x1s", "1e3s",
        ])
    func refused(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test("random durations survive printing and reading", arguments: UInt64(1)...4)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let units: [Int64] = [1, 1000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000]
        for _ in 0..<5000 {
            let unit = units[random.below(units.count)]
            let interval = Interval(nanoseconds: unit * Int64(random.below(2_000_000)))
            #expect(DurationText.parse(DurationText.print(interval)) == interval)
        }
    }
}

@Suite struct SizeTextTests {
    @Test(
        "sizes are read, and printed in one form",
        arguments: [
            ("0", 0, "0"), ("1", 1, "1"), ("1023", 1023, "1023"), ("1024", 1024, "1KiB"), ("64KiB", 65536, "64KiB"),
            ("1536", 1536, "1536"), ("1536KiB", 1_572_864, "1536KiB"), ("1024KiB", 1 << 20, "1MiB"),
            ("2GiB", 2 << 30, "2GiB"),
            ("0KiB", 0, "0"),
        ])
    func table(text: String, size: Int, printed: String) {
        #expect(SizeText.parse(text) == size)
        #expect(SizeText.print(size) == printed)
    }

    @Test(
        "loose spellings are refused",
        arguments: [
            "", "64KB", "64K", "64k", "64kib", "64 KiB", "-1", "+1", "064", "1.5MiB", "KiB", "64KiB ", "1TiB",
            "9007199254740992KiB",
            "9223372036854775808", "1_000", "0x10",
        ])
    func refused(text: String) {
        #expect(SizeText.parse(text) == nil)
    }
}
