import AdminModels
import Testing

@testable import connctl

@Suite("How things are written")
struct OutputTests {
    @Test(
        "sizes are written in the unit that fits",
        arguments: [
            (0, "0 B"), (512, "512 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"), (1_258_291, "1.2 MiB"), (5 << 30, "5.0 GiB"), (Int.max, "8192.0 PiB"),
        ])
    func sizes(bytes: Int, text: String) {
        #expect(Formatting.size(bytes) == text)
    }

    @Test(
        "durations are written with three figures or two units",
        arguments: [
            (0, "0ms"), (0.42, "0.42ms"), (9.994, "9.99ms"), (9.996, "10.0ms"), (12.46, "12.5ms"), (340.4, "340ms"),
            (999.6, "1.00s"), (1250, "1.25s"), (59_960, "1m"), (125_000, "2m5s"), (11_520_000, "3h12m"),
            (187_200_000, "2d4h"), (-1250, "-1.25s"),
        ] as [(Double, String)])
    func durations(ms: Double, text: String) {
        #expect(Formatting.duration(ms: ms) == text)
    }

    @Test(
        "a share is never written as all or nothing where it is not",
        arguments: [
            (nil, "-"), (0, "0%"), (1, "100%"), (0.9999, "99.9%"), (0.00001, "0.1%"), (0.982, "98.2%"),
        ] as [(Double?, String)])
    func shares(ratio: Double?, text: String) {
        #expect(Formatting.share(ratio) == text)
    }

    @Test(
        "counts are grouped by thousands",
        arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1234567, "-1,234,567")])
    func counts(number: Int, text: String) {
        #expect(Formatting.count(number) == text)
    }

    @Test("columns are as wide as what is in them, and numbers end at the right")
    func table() {
        var table = Table(["NAME", .number("COUNT"), "STATE"])
        table.add(["a", "1", "ok"])
        table.add(["日本", "12345", ""])
        #expect(
            table.lines(width: nil, color: false, unicode: true) == [
                "NAME  COUNT  STATE", "a         1  ok", "日本  12345",
            ])
    }

    @Test("a table is cut to the terminal's width, its flexible columns first")
    func cut() {
        var table = Table([.flexible("ORIGIN"), .number("COUNT")])
        table.add(["http://a-very-long-name.example.com", "12345"])
        #expect(
            table.lines(width: 24, color: false, unicode: true) == [
                "ORIGIN             COUNT", "http://a-very-lo…  12345",
            ])
        #expect(table.lines(width: 10, color: false, unicode: false).allSatisfy { DisplayWidth.of($0) <= 10 })
        #expect(table.lines(width: nil, color: false, unicode: true)[1].contains("example.com"))
    }

    @Test("colours are written only where they are shown, and around the text alone")
    func colors() {
        var table = Table([.number("COUNT")])
        table.add([.init("1", .bad)])
        #expect(table.lines(width: nil, color: true, unicode: true)[1] == "    \u{1B}[31m1\u{1B}[0m")
        #expect(table.lines(width: nil, color: false, unicode: true)[1] == "    1")
    }

    @Test(
        "the width of text is the columns that it takes",
        arguments: [("abc", 3), ("日本", 4), ("e\u{301}", 1), ("🚀", 2), ("", 0), ("ü…", 2)])
    func widths(text: String, columns: Int) {
        #expect(DisplayWidth.of(text) == columns)
    }

    @Test(
        "what could steer a terminal is written as its number",
        arguments: [
            ("a\u{1B}[31mb", "a\\u{1b}[31mb"), ("a\nb", "a\\u{a}b"), ("\u{9B}2J", "\\u{9b}2J"),
            ("\u{202E}x", "\\u{202e}x"), ("plain ü", "plain ü"),
        ])
    func safe(text: String, shown: String) {
        #expect(SafeText.line(text) == shown)
    }

    @Test("JSON with control characters keeps its meaning and loses them")
    func safeJSON() {
        let body = Array("{\"a\":\"\u{7F}\u{9B}x\",\n\"b\":1}\n".utf8)
        #expect(SafeText.json(body) == "{\"a\":\"\\u007f\\u009bx\",\n\"b\":1}\n")
        #expect(SafeText.json(Array("{\"a\":\"ü\"}".utf8)) == "{\"a\":\"ü\"}")
    }

    @Test("a sparkline goes from 0 to its largest, and what is not known is blank")
    func sparkline() {
        #expect(Sparkline.draw([0, 1, 4, nil, 8], unicode: true) == "▁▂▅ █")
        #expect(Sparkline.draw([0, 0], unicode: true) == "▁▁")
        #expect(Sparkline.draw([0, 1, 4, nil, 8], unicode: false) == ".:+ @")
        #expect(Sparkline.draw([], unicode: true) == "")
    }

    @Test("the bars of a waterfall lie where their phases lay")
    func waterfall() {
        let phases = [
            Samples.phase("queue", 0, 500), Samples.phase("dns", 0, 100), Samples.phase("connect", 100, 400),
            Samples.phase("first_byte", 500, 499), Samples.phase("body", 999, 1),
        ]
        #expect(
            Waterfall.lines(phases, totalMs: 1000, columns: 42, unicode: false) == [
                "  queue       ##########             500ms",
                "    dns       ##                     100ms",
                "    connect     ########             400ms",
                "  first_byte            ##########   499ms",
                "  body                           #  1.00ms",
            ])
    }

    @Test("a waterfall draws nothing for a phase that took no time, and never leaves its axis")
    func waterfallBounds() {
        let phases = [Samples.phase("send", 10, 0), Samples.phase("body", 5000, .infinity), Samples.phase("x", -5, 3)]
        for line in Waterfall.lines(phases, totalMs: 10, columns: 60, unicode: false) {
            #expect(!line.contains("#") && line.count <= 64)
        }
    }

    @Test("a step without traffic counts as 0 requests, and says nothing of times")
    func history() {
        var report = HistoryReport()
        (report.fromMs, report.toMs, report.stepMs) = (1_000_000, 1_040_000, 10_000)
        var point = HistoryPoint()
        (point.timeMs, point.requests, point.firstByteP50Ms) = (1_010_000, 50, 3)
        report.points = [point]
        #expect(HistoryText.series(report, .requests) == [0, 5, 0, 0])
        #expect(HistoryText.series(report, .firstByteP50) == [nil, 3, nil, nil])
        #expect(
            HistoryText.lines(report, fields: [.requests, .firstByteP50], unicode: true, color: false) == [
                "FIELD           OVER TIME     MIN     MAX    LAST",
                "requests        ▁█▁▁          0/s     5/s     0/s",
                "first_byte_p50   █         3.00ms  3.00ms  3.00ms",
            ])
    }

    @Test("rates are what changed between two looks, a restart between them makes none")
    func top() {
        var (before, after) = (
            TopScreen.Sample(status: Samples.status, origins: [Samples.summary("http://a", requests: 100)], time: 0),
            TopScreen.Sample(
                status: Samples.status,
                origins: [Samples.summary("http://a", requests: 150), Samples.summary("http://b", waiting: 2)],
                time: 2000)
        )
        after.status.totals.requests += 50
        let screen = TopScreen(before: before, after: after, sort: .rate)
        let lines = screen.lines(columns: nil, rows: nil, color: false, unicode: true)
        #expect(lines[0].contains("25 requests/s"))
        #expect(lines[4].hasPrefix("http://a     25"))
        #expect(
            TopScreen(before: before, after: after, sort: .waiting)
                .lines(columns: nil, rows: nil, color: false, unicode: true)[4].hasPrefix("http://b"))
        before.status.totals.requests = 1_000_000
        before.origins[0].requests = 1_000_000
        let restarted = TopScreen(before: before, after: after, sort: .rate)
            .lines(columns: 60, rows: 5, color: false, unicode: true)
        #expect(restarted[0].contains(": 0 requests/s"))
        #expect(restarted.count == 4 && restarted.allSatisfy { DisplayWidth.of($0) <= 60 })
    }
}
