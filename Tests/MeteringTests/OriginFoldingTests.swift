import Metering
import ProxyTypes
import Testing

@Suite("Origins folded into _other")
struct OriginFoldingTests {
    private static let other = #"connd_requests_total{origin="_other",method_class="safe",outcome="2xx"}"#

    private static func requests(_ host: String) -> String {
        "connd_requests_total{origin=\"http://\(host)\",method_class=\"safe\",outcome=\"2xx\"}"
    }

    private static func leases(_ host: String) -> String { "connd_leases_total{origin=\"http://\(host)\"}" }

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
    mutating func everyCountIsFolded(limit: Int) throws {
        var page = MetricsPage.full(seed: 8, origins: 6)
        page.maxOrigins = limit
        let folded = try ExpositionPage(text.render(page))
        var sum = OriginStatistics()
        let busiest = page.origins.sorted {
            $0.statistics.requests.total + $0.statistics.tunnels.opened > $1.statistics.requests.total
                + $1.statistics.tunnels.opened
        }
        var gauges = OriginGauges()
        for snapshot in busiest.dropFirst(limit) {
            sum += snapshot.statistics
            gauges += snapshot.gauges
        }
        let one = OriginSnapshot(origin: page.origins[0].origin, statistics: sum, gauges: gauges)
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
        #expect(after[Self.requests("a")] == nil && after[Self.other] == "1010")
        // What `b` had counted by then was shown, so that its series begins with nothing.
        #expect(after[Self.requests("b")] == nil && after[Self.leases("b")] == "0")
        #expect(try page(["a": 115, "b": 1002], max: 1)[Self.requests("b")] == "2")
    }

    @Test("an origin that comes back goes on from its last value: what _other has counted of it stays there")
    mutating func comesBack() throws {
        _ = try page(["a": 100, "b": 50], max: 1)
        _ = try page(["a": 110, "b": 1000], max: 1)
        let back = try page(["a": 9000, "b": 1001], max: 1)
        #expect(back[Self.requests("a")] == "100")
        #expect(back[Self.other] == "\(8900 + 1001)")
        let after = try page(["a": 9007, "b": 1001], max: 1)
        #expect(after[Self.requests("a")] == "107")
        #expect(after[Self.other] == "\(8900 + 1001)")
    }

    @Test("the ratio since the start is of all that was counted, in whichever series")
    mutating func ratio() throws {
        func lease(_ host: String, reused: Int, requests: Int) -> OriginSnapshot {
            .sample(host, requests: requests) {
                $0.reused = reused
                $0.firstLeases = 10
            }
        }
        _ = text.render(MetricsPage([lease("a", reused: 30, requests: 1), .sample("b", requests: 9)], maxOrigins: 1))
        let page = MetricsPage([lease("a", reused: 30, requests: 99), .sample("b", requests: 9)], maxOrigins: 1)
        let shown = try ExpositionPage(text.render(page))
        #expect(shown[Self.leases("a")] == "0")
        #expect(shown[#"connd_reuse_ratio{origin="http://a"}"#] == "0.75")
    }

    @Test("_other stays when nothing is folded any more")
    mutating func otherStays() throws {
        _ = try page(["a": 2, "b": 1], max: 1)
        let page = try page(["a": 2, "b": 1], max: 2)
        #expect(page[Self.other] == "1" && page["connd_origins_folded"] == "0")
    }

    @Test("what was counted of a forgotten origin, and shown in no series, is counted in _other")
    mutating func forgotten() throws {
        _ = try page(["a": 100, "b": 50, "c": 5], max: 1)
        text.forget(.sample("b", requests: 53))
        #expect(try page(["a": 100, "c": 5], max: 1)[Self.other] == "58")
        // One with series of its own was in it with nothing.
        text.forget(.sample("a", requests: 102))
        #expect(try page(["c": 5], max: 1)[Self.other] == "60")
        // One that came and went between two pages.
        text.forget(.sample("d", requests: 7))
        #expect(try page(["c": 5], max: 1)[Self.other] == "67")
    }

    @Test("the series of a forgotten origin goes on if it comes back, however much it has counted by then")
    mutating func forgottenAndBack() throws {
        _ = try page(["a": 100], max: 1)
        text.forget(.sample("a", requests: 101))
        #expect(try page([:], max: 1)[Self.requests("a")] == nil)
        let back = try page(["a": 150], max: 1)
        #expect(back[Self.requests("a")] == "250" && back[Self.other] == "1")
    }

    @Test("where it is no longer known how far a series had come, all of its counters begin again at 0")
    mutating func announced() throws {
        text = PrometheusText(maxForgotten: 1)
        _ = try page(["a": 100, "b": 10], max: 2)
        text.forget(.sample("a", requests: 100))
        text.forget(.sample("b", requests: 10))
        let back = try page(["a": 150, "b": 10], max: 2)
        #expect(back[Self.requests("a")] == "0" && back[Self.requests("b")] == "20")
        #expect(back[Self.other] == "150")
        let families = Set(back.series(with: "http://a").map { $0.prefix { $0 != "{" } })
        var full = PrometheusText()
        let all = MetricsPage.full(seed: 1, origins: 1)
        let every = try ExpositionPage(full.render(all)).series(with: "origin=").map { $0.prefix { $0 != "{" } }
        let gauges: Set = [
            "connd_reuse_ratio", "connd_origin_certificate_not_after_seconds", "connd_learned_idle_bound_seconds",
        ]
        #expect(Set(families.map(String.init)).union(gauges) == Set(every.map(String.init)))
        #expect(try page(["a": 151, "b": 10], max: 2)[Self.requests("a")] == "1")
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
}
