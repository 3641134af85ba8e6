import Metering
import ProxyTypes
import Testing

/// Every count shows as the increase of exactly one series, and no counter falls while the process lives.
@Suite("Increases over all origins")
struct IncreaseTests {
    @Test(
        "they add up to what the process has counted, whatever is folded, forgotten, reloaded and restarted",
        arguments: 1...24)
    func addUp(seed: UInt64) throws {
        var scenario = FoldingScenario(seed: seed)
        var scraper = Scraper()
        for _ in 0..<(5 + 2 * Int(seed)) {
            scenario.happen()
            scraper.scrape(try scenario.page(), restarts: scenario.restarts)
            try #require(scraper.fallen.isEmpty)
        }
        let shown = scraper.increasesOverOrigins.filter { $0.value != 0 }
        let counted = try scenario.countedSeries().filter { $0.value != 0 }
        for series in Set(shown.keys).union(counted.keys) { #expect(shown[series] == counted[series], "\(series)") }
    }
}

/// Reads pages as Prometheus does: a known series adds its difference, or all of its value where it has fallen; a new
/// one, and every one after a restart, all of its value. Value.
private struct Scraper {
    private var last: [String: Int] = [:]
    private var restarts = 0
    private var increases: [String: Int] = [:]
    /// Without a restart, and still shown.
    private(set) var fallen: [String] = []

    mutating func scrape(_ page: ExpositionPage, restarts: Int) {
        if restarts != self.restarts { last = [:] }
        self.restarts = restarts
        for series in page.counterSeries {
            guard let value = page.millionths(series) else { continue }
            let before = last[series] ?? 0
            // An origin whose earlier series is no longer known begins again at 0.
            if value < before, value != 0 || series.contains("_other") { fallen.append(series) }
            increases[series, default: 0] += value >= before ? value - before : value
            last[series] = value
        }
    }

    /// By series, without the origin.
    var increasesOverOrigins: [String: Int] {
        increases.reduce(into: [:]) { $0[$1.key.withoutOrigin, default: 0] += $1.value }
    }
}

/// Origins that count, are forgotten and come back, under caps that change, in processes that end. Value.
private struct FoldingScenario {
    private var random: SeededRandom
    private var live: [String: OriginStatistics] = [:]
    private var ended = OriginStatistics()
    private var cap = 2
    private(set) var restarts = 0
    private var text: PrometheusText

    private static let remembered = 3

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        text = PrometheusText(maxForgotten: Self.remembered)
    }

    /// What is counted after the last page of a process, nobody sees: it restarts first, if it does.
    mutating func happen() {
        if random.below(30) == 0 { restart() }
        for _ in 0..<random.below(12) {
            // Few are busy, and who is changes.
            let host = "host\(random.below(1 + random.below(10)) + random.below(3))"
            for _ in 0..<(1 << random.below(6)) { count(for: host) }
        }
        for _ in 0..<random.below(3) {
            if let host = live.keys.sorted().randomElement(using: &random) { forget(host) }
        }
        if random.below(10) == 0 { cap = random.below(5) }
        // What comes back before the next page.
        if random.below(3) == 0 { count(for: "host\(random.below(12))") }
    }

    mutating func page() throws -> ExpositionPage {
        let origins = live.sorted { $0.key < $1.key }.map { Self.snapshot($0.key, $0.value) }
        return try ExpositionPage(text.render(MetricsPage(origins, maxOrigins: cap)))
    }

    /// All that was ever counted, as the series of one origin.
    func countedSeries() throws -> [String: Int] {
        let sum = live.values.reduce(into: ended) { $0 += $1 }
        var text = PrometheusText()
        let page = try ExpositionPage(text.render(MetricsPage([Self.snapshot("all", sum)])))
        return page.counterSeries.reduce(into: [:]) { $0[$1.withoutOrigin] = page.millionths($1) }
    }

    private mutating func forget(_ host: String) {
        guard let statistics = live.removeValue(forKey: host) else { return }
        text.forget(Self.snapshot(host, statistics))
        ended += statistics
    }

    private mutating func restart() {
        ended = live.values.reduce(into: ended) { $0 += $1 }
        live = [:]
        text = PrometheusText(maxForgotten: Self.remembered)
        restarts += 1
    }

    private mutating func count(for host: String) {
        var statistics = live[host] ?? OriginStatistics()
        defer { live[host] = statistics }
        let some = 1 + random.below(9)
        switch random.below(9) {
        case 0...2: statistics.requests[.allCases[random.below(RequestClass.allCases.count)]] += some
        case 3: statistics.closed[.allCases[random.below(CloseReason.allCases.count)]] += some
        case 4: statistics.totalTime.record(microseconds: Int64(1) << Int64(random.below(30)))
        case 5: statistics.handshakeSaved += Int64(some)
        case 6: statistics.reused += some
        case 7: statistics.bytesSent += some
        default:
            statistics.tunnels.opened += some
            statistics.tunnels.duration.record(microseconds: Int64(some) << Int64(random.below(20)))
        }
    }

    private static func snapshot(_ host: String, _ statistics: OriginStatistics) -> OriginSnapshot {
        OriginSnapshot(
            origin: .init(scheme: .http, host: host, port: 80), statistics: statistics, gauges: OriginGauges())
    }
}

extension ExpositionPage {
    /// Those of origins that count.
    fileprivate var counterSeries: [String] {
        series(with: "origin=\"").filter { line in
            let name = String(line.prefix { $0 != "{" })
            // Nil: of a histogram, whose series have names of their own.
            return types[name] == "counter" || types[name] == nil
        }
    }

    fileprivate func millionths(_ series: String) -> Int? { number(series).map { Int(($0 * 1_000_000).rounded()) } }
}

extension String {
    fileprivate var withoutOrigin: String {
        guard let label = firstRange(of: "origin=\""), let end = self[label.upperBound...].firstIndex(of: "\"") else {
            return self
        }
        return String(self[..<label.lowerBound] + self[end...])
    }
}
