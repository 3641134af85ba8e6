import Metering
import ProxyTypes
import Testing

@Suite("Origins folded into _other")
struct OriginFoldingTests {
    private static let other = #"connd_requests_total{origin="_other",method_class="safe",outcome="2xx"}"#

    private static func requests(_ host: String) -> String {
        "connd_requests_total{origin=\"http://\(host)\",method_class=\"safe\",outcome=\"2xx\"}"
    }

    private static func origins(_ page: ExpositionPage) -> [String] {
        page.series(with: "connd_leases_total").map { String($0.split(separator: "\"")[1]) }
    }

    private var text = PrometheusText()

    private mutating func page(_ counts: KeyValuePairs<String, Int>, max: Int) throws -> ExpositionPage {
        let origins = counts.map { OriginSnapshot.sample($0.key, requests: $0.value) }
        return try ExpositionPage(text.render(MetricsPage(origins, maxOrigins: max)))
    }

    @Test("with room for all there is no _other")
    mutating func roomForAll() throws {
        let page = try page(["a": 1, "b": 0], max: 2)
        #expect(Self.origins(page) == ["http://a", "http://b"])
        #expect(page["connd_origins"] == "2" && page["connd_origins_folded"] == "0")
    }

    @Test("the busiest have series of their own, names decide ties, the rest is added up")
    mutating func busiestFirst() throws {
        let page = try page(["d": 5, "b": 7, "e": 9, "c": 7, "a": 7], max: 3)
        #expect(Self.origins(page) == ["http://e", "http://a", "http://b", "_other"])
        #expect(page[Self.other] == "12")
        #expect(page["connd_origins"] == "5" && page["connd_origins_folded"] == "2")
    }

    @Test("a tunnel ranks as a request does")
    mutating func tunnelsRank() throws {
        let tunnels = OriginSnapshot.sample("t", requests: 0) { $0.tunnels.opened = 10 }
        let page = MetricsPage([.sample("a", requests: 9), tunnels], maxOrigins: 1)
        #expect(Self.origins(try ExpositionPage(text.render(page))) == ["http://t", "_other"])
    }

    @Test("_other holds every figure of those folded", arguments: [0, 1, 3])
    mutating func everyFigureIsFolded(limit: Int) throws {
        var page = MetricsPage.full(seed: 8, origins: 6)
        page.maxOrigins = limit
        let folded = try ExpositionPage(text.render(page))
        var sum = OriginFigures()
        let busiest = page.origins.sorted {
            $0.figures.requests.total + $0.figures.tunnels.opened > $1.figures.requests.total
                + $1.figures.tunnels.opened
        }
        var gauges = OriginGauges()
        for snapshot in busiest.dropFirst(limit) {
            sum += snapshot.figures
            gauges += snapshot.gauges
        }
        let one = OriginSnapshot(origin: page.origins[0].origin, figures: sum, gauges: gauges)
        var plain = PrometheusText()
        let alone = try ExpositionPage(plain.render(MetricsPage([one])))
        let expected = alone.series(with: "origin=\"").map { line in
            (line.replacing(one.origin.description, with: "_other"), alone[line])
        }
        #expect(expected.count > 150)
        for (series, value) in expected { #expect(folded[series] == value, "\(series)") }
    }

    @Test("a near tie leaves the series where they are, a clear lead moves them")
    mutating func incumbentsStay() throws {
        _ = try page(["a": 100, "b": 99], max: 1)
        #expect(Self.origins(try page(["a": 100, "b": 124], max: 1)) == ["http://a", "_other"])
        #expect(Self.origins(try page(["a": 100, "b": 126], max: 1)) == ["http://b", "_other"])
        #expect(Self.origins(try page(["a": 150, "b": 126], max: 1)) == ["http://b", "_other"])
    }

    @Test("an origin that is overtaken adds to _other only what it counts from then on")
    mutating func overtaken() throws {
        #expect(try page(["a": 100, "b": 50], max: 1)[Self.other] == "50")
        // 10 more of `a` were never shown.
        let after = try page(["a": 110, "b": 1000], max: 1)
        #expect(after[Self.requests("b")] == "1000" && after[Self.requests("a")] == nil)
        #expect(after[Self.other] == "1010")
        #expect(try page(["a": 115, "b": 1000], max: 1)[Self.other] == "1015")
        // And back again: what was counted in between stays.
        let back = try page(["a": 9000, "b": 1001], max: 1)
        #expect(back[Self.requests("a")] == "9000")
        #expect(back[Self.other] == "\(1000 + 8900 + 1)")
    }

    @Test("_other stays when nothing is folded any more")
    mutating func otherStays() throws {
        _ = try page(["a": 2, "b": 1], max: 1)
        let page = try page(["a": 2, "b": 1], max: 2)
        #expect(page[Self.other] == "1" && page["connd_origins_folded"] == "0")
    }

    @Test("an origin that is forgotten leaves what it had counted in _other")
    mutating func forgotten() throws {
        _ = try page(["a": 100, "b": 50, "c": 5], max: 1)
        text.forget(.sample("b", requests: 53))
        #expect(try page(["a": 100, "c": 5], max: 1)[Self.other] == "58")
        // One with series of its own was never in it.
        text.forget(.sample("a", requests: 100))
        #expect(try page(["c": 5], max: 1)[Self.other] == "58")
    }

    @Test("one that is forgotten unsaid and begins again never makes a count negative")
    mutating func begunAgain() throws {
        _ = try page(["a": 100, "b": 50], max: 1)
        _ = try page(["a": 100, "b": 1000], max: 1)
        // `b` counted its 1000 in `_other`, `a` begins there with 3 where 100 had been shown.
        #expect(try page(["a": 3, "b": 1000], max: 1)[Self.other] == "1003")
    }

    @Test("the same origin given twice is no trap")
    mutating func doubled() throws {
        let page = MetricsPage([.sample("b", requests: 1), .sample("b", requests: 1)], maxOrigins: 1)
        for _ in 0..<3 { _ = text.render(page) }
        var both = page
        both.maxOrigins = -1
        #expect(text.render(both).isEmpty == false)
    }

    @Test("the page is no longer for many origins than for those that have series")
    func lengthIsBounded() {
        func length(_ count: Int) -> Int {
            var text = PrometheusText()
            let origins = (0..<count).map { OriginSnapshot.sample("host\($0 + 10_000)", requests: $0 + 100_000) }
            return text.render(MetricsPage(origins, maxOrigins: 20)).count
        }
        #expect(length(3000) <= length(21) + 1000)
    }

    @Test("counters never fall, whatever comes, goes and overtakes", arguments: 1...20)
    mutating func countersOnlyRise(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var counts: [String: Int] = [:]
        var last: [String: Double] = [:]
        var gone = 0
        for _ in 0..<60 {
            counts["host\(random.below(12))", default: 0] += 1
            for host in counts.keys.sorted() { counts[host, default: 0] += random.below(1 << random.below(12)) }
            if random.below(4) == 0, let host = counts.keys.sorted().randomElement(using: &random) {
                let count = counts.removeValue(forKey: host) ?? 0
                text.forget(.sample(host, requests: count))
                last[Self.requests(host)] = nil
                gone += count
            }
            let origins = counts.sorted { $0.key < $1.key }.map { OriginSnapshot.sample($0.key, requests: $0.value) }
            let page = try ExpositionPage(text.render(MetricsPage(origins, maxOrigins: 2 + random.below(3))))
            for series in page.series(with: "connd_requests_total") {
                let value = try #require(page.number(series))
                #expect(value >= last[series] ?? 0, "\(series)")
                last[series] = value
            }
        }
        // What is shown, or was before it was folded or forgotten, is all that there was.
        #expect(last[Self.other] ?? 0 <= Double(counts.values.reduce(0, +) + gone))
    }
}
