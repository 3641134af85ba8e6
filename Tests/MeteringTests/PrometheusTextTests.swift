import ProxyTypes
import Testing

@testable import Metering

@Suite("A page for Prometheus")
struct PrometheusTextTests {
    private static func page(_ page: MetricsPage) throws -> ExpositionPage {
        var text = PrometheusText()
        return try ExpositionPage(text.render(page))
    }

    private static func page(_ change: (inout OriginStatistics) -> Void) throws -> ExpositionPage {
        try page(MetricsPage([.sample("a", requests: 1, change)]))
    }

    @Test("every family of the table is on a full page, with its help and type, and no other is")
    func allFamilies() throws {
        let page = try Self.page(.full(seed: 1, origins: 2))
        let rows =
            MetricNames.process.map { ($0.name, $0.kind.rawValue, $0.help) }
            + MetricNames.origins.map { ($0.name, $0.kind.rawValue, $0.help) }
        #expect(page.families == rows.map(\.0))
        for (name, type, help) in rows {
            #expect(page.types[name] == type)
            #expect(page.helps[name] == help && help.hasSuffix("."))
        }
    }

    @Test("names say type and base unit")
    func names() throws {
        for (name, type) in try Self.page(.full(seed: 1, origins: 1)).types {
            #expect(name.hasSuffix("_total") == (type == "counter"), "\(name)")
            #expect(["connd_", "http_client_", "dns_", "process_"].contains { name.hasPrefix($0) }, "\(name)")
            #expect(!["_ms", "_milliseconds", "_kb", "_percent"].contains { name.contains($0) }, "\(name)")
        }
    }

    @Test("each figure of an origin shows: without it the page is another")
    func everyCountShows() throws {
        let erase: [(inout OriginStatistics) -> Void] = [
            { $0.requests = .init() }, { $0.errors = .init() }, { $0.queued = 0 }, { $0.opened = .init() },
            { $0.reused = 0 }, { $0.closed = .init() }, { $0.dialFailures = .init() }, { $0.retryCauses = .init() },
            { $0.retryOutcomes = .init() }, { $0.staleRetried = 0 }, { $0.staleSurfaced = 0 }, { $0.distrusted = 0 },
            { $0.races.passedOver = 0 }, { $0.races.prevented = 0 }, { $0.races.lostTime = 0 },
            { $0.bytesSent = 0 },
            { $0.bytesReceived = 0 }, { $0.queueTime = .init() }, { $0.dnsTime = .init() },
            { $0.connectTime = .init() },
            { $0.tlsTime = .init() }, { $0.firstByteTime = .init() }, { $0.totalTime = .init() },
            { $0.connectionAge = .init() }, { $0.requestsPerConnection = .init() }, { $0.idleGap = .init() },
            { $0.handshakePaid = 0 }, { $0.handshakeSaved = 0 }, { $0.firstLeases = 0 }, { $0.pinned = 0 },
            { $0.tunnels.opened = 0 },
            { $0.tunnels.closed = 0 }, { $0.tunnels.failed = 0 }, { $0.tunnels.bytesSent = 0 },
            { $0.tunnels.bytesReceived = 0 }, { $0.tunnels.duration = .init() },
            { $0.tls.handshakes = .init() }, { $0.tls.failures = .init() }, { $0.tls.uncleanEnds = 0 },
            { $0.tls.fullTime = .init() }, { $0.tls.resumedTime = .init() }, { $0.tls.savedByResumption = 0 },
            { $0.intercept.full = 0 }, { $0.intercept.resumed = 0 }, { $0.intercept.handshakeTime = .init() },
            { $0.intercept.spliced = .init() }, { $0.intercept.refused = 0 }, { $0.intercept.failed = 0 },
            { $0.intercept.misdirected = 0 },
            { $0.tcp.roundTripTime = .init() }, { $0.tcp.minRoundTripTime = .init() },
            { $0.tcp.congestionWindow = .init() }, { $0.tcp.deliveryRate = .init() }, { $0.tcp.segmentsSent = 0 },
            { $0.tcp.segmentsRetransmitted = 0 }, { $0.tcp.busyTime = 0 }, { $0.tcp.windowLimitedTime = 0 },
            { $0.tcp.bufferLimitedTime = 0 }, { $0.delays.answers = .init() },
            { $0.delays.answersWithQuickack = .init() }, { $0.delays.requestsWithNagle = .init() },
            { $0.delays.requests = .init() }, { $0.handshakeWaits = .init() }, { $0.slowStart.uploads = 0 },
            { $0.slowStart.collapsed = 0 }, { $0.slowStart.costly = 0 }, { $0.slowStart.roundTripsLost = 0 },
            { $0.slowStart.timeLost = 0 }, { $0.slowStart.widened = 0 }, { $0.slowStart.roundTripsGained = 0 },
            { $0.slowStart.timeGained = 0 }, { $0.slowStart.answersFresh = .init() },
            { $0.slowStart.answersKept = .init() }, { $0.slowStart.answersIdle = .init() },
        ]
        func fields(_ value: Any) -> Int { Mirror(reflecting: value).children.count }
        let parts =
            fields(TunnelStatistics()) + fields(TLSStatistics()) + fields(InterceptStatistics())
            + fields(TCPStatistics()) + fields(DelayStatistics()) + fields(SlowStartStatistics())
            + fields(RaceStatistics())
        #expect(erase.count == fields(OriginStatistics()) - 7 + parts)
        let full = MetricsPage.full(seed: 5, origins: 1)
        let whole = try Self.page(full).text
        for (number, erase) in erase.enumerated() {
            var page = full
            erase(&page.origins[0].statistics)
            #expect(try Self.page(page).text != whole, "figure \(number)")
        }
    }

    @Test("each gauge of an origin shows: without it the page is another")
    func everyGaugeShows() throws {
        let erase: [(inout OriginGauges) -> Void] = [
            { $0.dialing = 0 }, { $0.idle = 0 }, { $0.leased = 0 }, { $0.pinned = 0 }, { $0.draining = 0 },
            { $0.closing = 0 },
            { $0.waiting = 0 }, { $0.active = 0 }, { $0.tunnels = 0 }, { $0.isPaused = false }, { $0.dialFailures = 0 },
            { $0.unverified = 0 }, { $0.certificateExpires = nil }, { $0.parked = 0 }, { $0.learnedIdleBound = nil },
        ]
        #expect(erase.count == Mirror(reflecting: OriginGauges()).children.count)
        let full = MetricsPage.full(seed: 5, origins: 1)
        let whole = try Self.page(full).text
        for (number, erase) in erase.enumerated() {
            var page = full
            erase(&page.origins[0].gauges)
            #expect(try Self.page(page).text != whole, "gauge \(number)")
        }
    }

    @Test("each count of the whole proxy shows with its value, also where it is 0")
    func everyProxyCountShows() throws {
        let full = MetricsPage.full(seed: 6, origins: 0)
        let values = Set(try Self.page(full).values.values)
        for row in full.proxy.nonZero { #expect(values.contains(String(row.value)), "\(row.name)") }
        let empty = try Self.page(MetricsPage())
        #expect(empty[#"connd_proxy_errors_total{error_type="dns_error"}"#] == "0")
        #expect(empty[#"connd_proxy_connections_closed_total{reason="client_aborted",side="client"}"#] == "0")
        #expect(empty[#"connd_clients_closed_total{reason="client_reset"}"#] == "0")
        #expect(empty["connd_proxy_request_duration_seconds_count"] == "0")
    }

    @Test("statistics stand under the labels that they were counted by")
    func labels() throws {
        let page = try Self.page {
            $0.requests[RequestClass(.unsafe, .serverError)] = 4
            $0.errors[.connectionRefused] = 5
            $0.opened[.warmUp] = 6
            $0.closed[.originFinIdle] = 7
            $0.closed[.idleTimeout] = 8
            $0.retryOutcomes[.refusedBudget] = 9
            $0.staleSurfaced = 2
            $0.bytesReceived = 1 << 40
        }
        for (series, value) in [
            (#"connd_requests_total{origin="http://a",method_class="unsafe",outcome="5xx"}"#, "4"),
            (#"connd_requests_total{origin="http://a",method_class="safe",outcome="2xx"}"#, "1"),
            (#"connd_errors_total{origin="http://a",error_type="connection_refused"}"#, "5"),
            (#"connd_connections_opened_total{origin="http://a",cause="warm_up"}"#, "6"),
            (#"connd_connections_closed_total{origin="http://a",reason="origin_fin_idle",side="origin"}"#, "7"),
            (#"connd_connections_closed_total{origin="http://a",reason="idle_timeout",side="connd"}"#, "8"),
            (#"connd_retries_total{origin="http://a",outcome="refused_budget"}"#, "9"),
            (#"connd_stale_reuse_total{origin="http://a",result="retried"}"#, "0"),
            (#"connd_stale_reuse_total{origin="http://a",result="surfaced"}"#, "2"),
            (#"connd_bytes_total{origin="http://a",direction="received"}"#, "1099511627776"),
            (#"http_client_open_connections{origin="http://a",state="idle"}"#, "0"),
        ] { #expect(page[series] == value, "\(series)") }
    }

    @Test("what is 0 among many labels is left out, so that an idle origin takes few lines")
    func zerosAreLeftOut() throws {
        let page = try Self.page(MetricsPage([.sample("a", requests: 0)]))
        #expect(page.series(with: "http://a").count < 25)
        #expect(page.series(with: "http://a", "reason=") == [] && page.series(with: "http://a", "le=") == [])
        #expect(page.series(with: "http://a", "tunnel") == [])
        #expect(page.types["connd_connections_closed_total"] == nil)
    }

    @Test("leases and reuses give the ratio; before the first lease there is none")
    func reuseRatio() throws {
        let page = try Self.page {
            $0.reused = 2
            $0.firstLeases = 1
        }
        #expect(page[#"connd_leases_total{origin="http://a"}"#] == "3")
        #expect(page[#"connd_leases_reused_total{origin="http://a"}"#] == "2")
        #expect(page[#"connd_reuse_ratio{origin="http://a"}"#] == "0.666667")
        #expect(try Self.page { _ in }.series(with: "connd_reuse_ratio") == [])
    }

    @Test("the end of a label's value is where it says", arguments: [#"a"b"#, #"a\b"#, "a\nb", "a\\\"\nb", "ü"])
    func labelsAreEscaped(host: String) throws {
        let page = try Self.page(MetricsPage([.sample(host, requests: 1)]))
        let escaped = host.replacing(#"\"#, with: #"\\"#).replacing("\"", with: #"\""#).replacing("\n", with: #"\n"#)
        #expect(page[#"connd_leases_total{origin="http://\#(escaped)"}"#] == "0")
    }

    @Test(
        "times are written in seconds, exactly",
        arguments: [
            (0, "0"), (1, "0.000001"), (10, "0.00001"), (1_500_000, "1.5"), (60_000_000, "60"),
            (123_456_789, "123.456789"), (-2_500_000, "-2.5"), (.max, "9223372036854.775807"),
        ] as [(Int64, String)])
    func seconds(microseconds: Int64, text: String) throws {
        var page = MetricsPage()
        page.process.cpuTime = microseconds
        page.process.startedAt = 1_700_000_000_123
        let read = try Self.page(page)
        #expect(read["process_cpu_seconds_total"] == text)
        #expect(read["process_start_time_seconds"] == "1700000000.123")
    }

    @Test("numbers are written whole", arguments: [0, 9, 10, 4_294_967_296, -17, .max, .min])
    func wholeNumbers(number: Int) throws {
        var page = MetricsPage()
        page.store.size = number
        #expect(try Self.page(page)["connd_store_size_bytes"] == String(number))
    }

    @Test("earlier runs are counted by how they ended, also where none did")
    func runEnds() throws {
        var page = MetricsPage()
        page.runEnds = [.watchdog: 3, .outOfMemory: 4]
        let read = try Self.page(page)
        for end in RunEnd.allCases {
            let expected = end == .watchdog ? "3" : end == .outOfMemory ? "4" : "0"
            #expect(read[#"connd_runs_ended_total{end="\#(end.rawValue)"}"#] == expected)
        }
        #expect(read[#"connd_runs_ended_total{end="out_of_memory"}"#] == "4")
    }

    @Test("facts about the store, the settings and the process show")
    func storeAndSettings() throws {
        var page = MetricsPage()
        page.store.isOK = false
        (page.clients, page.store.size, page.store.pending, page.store.recoveries) = (8, 9, 10, 11)
        page.acceptIsPaused = true
        (page.process.residentMemory, page.process.openDescriptors, page.process.maxDescriptors) = (12, 13, 14)
        page.store.droppedStatistics = 1
        page.store.droppedConnections = 2
        page.store.droppedExchanges = 3
        (page.overrides, page.trials, page.conflicts, page.invariantsBroken) = (4, 5, 6, 7)
        page.unverifiedOrigins = 15
        page.refusingClients = 16
        page.version = #"1"2"#
        let read = try Self.page(page)
        #expect(read["connd_store_ok"] == "0")
        #expect(read[#"connd_store_dropped_rows_total{kind="figures"}"#] == "1")
        #expect(read[#"connd_store_dropped_rows_total{kind="connections"}"#] == "2")
        #expect(read[#"connd_store_dropped_rows_total{kind="exchanges"}"#] == "3")
        #expect(read["connd_settings_overrides"] == "4" && read["connd_settings_trials"] == "5")
        #expect(read["connd_settings_conflicts"] == "6" && read["connd_invariants_broken_total"] == "7")
        #expect(read["connd_accept_paused"] == "1" && read["connd_tls_unverified_origins"] == "15")
        #expect(read["connd_intercept_refusing_clients"] == "16")
        #expect(read["connd_clients"] == "8" && read["connd_store_size_bytes"] == "9")
        #expect(read["connd_store_pending_rows"] == "10" && read["connd_store_recoveries_total"] == "11")
        #expect(read["process_resident_memory_bytes"] == "12")
        #expect(read["process_open_fds"] == "13" && read["process_max_fds"] == "14")
        #expect(read[#"connd_build_info{version="1\"2"}"#] == "1")
        #expect(try Self.page(MetricsPage())["connd_store_ok"] == "1")
    }
}

@Suite("Histograms on a page")
struct HistogramSeriesTests {
    private static func page(_ change: (inout OriginStatistics) -> Void) throws -> ExpositionPage {
        var text = PrometheusText()
        return try ExpositionPage(text.render(MetricsPage([.sample("a", requests: 1, change)])))
    }

    @Test("buckets are cumulative, and infinity, count and sum agree, in every family", arguments: 1...5)
    func bucketsAreCumulative(seed: UInt64) throws {
        var text = PrometheusText()
        let full = MetricsPage.full(seed: seed, origins: 3)
        let page = try ExpositionPage(text.render(full))
        for family in page.families where page.types[family] == "histogram" {
            let lines = page.series(with: family + "_bucket").filter { $0.hasPrefix(family) }
            let subjects = lines.count { $0.hasSuffix(#"le="+Inf"}"#) }
            let isOfProcess = family.hasPrefix("connd_proxy_") || family.hasPrefix("connd_dns_lookup")
            #expect(subjects == (isOfProcess ? 1 : 3))
            var (bound, count) = (0.0, 0.0)
            for line in lines {
                let text = try #require(line.split(separator: "le=\"").last?.dropLast(2))
                let next = try #require(Double(text == "+Inf" ? "inf" : text))
                let value = try #require(page.number(line))
                if next > bound { #expect(value >= count, "\(line)") }
                (bound, count) = (next, value)
                guard next == .infinity else { continue }
                let labels =
                    line.contains("origin=") ? line.split(separator: ",le=")[0].split(separator: "{")[1] + "}" : ""
                #expect(page.number(family + "_count" + (labels.isEmpty ? "" : "{" + labels)) == value)
            }
        }
        let origin = full.origins[0]
        let label = "{origin=\"\(origin.origin)\"}"
        #expect(
            page.number("http_client_request_duration_seconds_count" + label)
                == Double(origin.statistics.totalTime.count))
        let sum = try #require(page.number("http_client_request_duration_seconds_sum" + label))
        #expect(abs(sum - Double(origin.statistics.totalTime.sum) / 1e6) < 1e-3)
    }

    @Test("a time just below a bound is in its bucket, the bound itself is in the next")
    func boundsOfTimes() throws {
        let page = try Self.page {
            $0.totalTime.record(microseconds: 255)
            $0.totalTime.record(microseconds: 256)
            $0.totalTime.record(microseconds: 67_108_863)
            $0.totalTime.record(microseconds: 67_108_864)
        }
        func count(_ bound: String) -> String? {
            page["http_client_request_duration_seconds_bucket{origin=\"http://a\",le=\"\(bound)\"}"]
        }
        #expect(count("0.000256") == "1" && count("0.001024") == "2" && count("1.048576") == "2")
        #expect(count("67.108864") == "3" && count("+Inf") == "4")
        #expect(page[#"http_client_request_duration_seconds_sum{origin="http://a"}"#] == "134.218238")
    }

    @Test("requests of connections are whole numbers, and a bound holds what equals it")
    func boundsOfRequests() throws {
        let page = try Self.page {
            for count in [1, 3, 4, 1000] as [Int64] { $0.requestsPerConnection.record(microseconds: count) }
        }
        func count(_ bound: String) -> String? {
            page["connd_connection_requests_bucket{origin=\"http://a\",le=\"\(bound)\"}"]
        }
        #expect(count("1") == "1" && count("3") == "2" && count("7") == "3" && count("255") == "3")
        #expect(count("1023") == "4" && count("4095") == "4" && count("+Inf") == "4")
        #expect(page[#"connd_connection_requests_sum{origin="http://a"}"#] == "1008")
    }

    @Test("bounds of every histogram rise")
    func boundsRise() {
        for buckets in [BucketBounds.latency, .handshake, .age, .gap, .requests] {
            let numbers = buckets.bounds.map { Double(String(decoding: $0.text.dropLast(3), as: UTF8.self)) ?? .nan }
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }, "\(numbers)")
            for (bound, number) in zip(buckets.bounds, numbers) {
                let power = Double(1 << bound.octave)
                #expect(number == (buckets.isTime ? power / 1e6 : power - 1))
            }
        }
    }
}
