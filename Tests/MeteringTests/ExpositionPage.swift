import Metering
import ProxyTypes
import Testing

/// A page in the text format, read back: strict about what the format asks for.
struct ExpositionPage {
    /// By name and labels, as written.
    private(set) var values: [String: String] = [:]
    private(set) var types: [String: String] = [:]
    private(set) var helps: [String: String] = [:]
    private(set) var families: [String] = []
    /// In the order of the page.
    private(set) var series: [String] = []
    let text: String

    init(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
        text = try #require(String(validating: bytes, as: UTF8.self), sourceLocation: sourceLocation)
        try #require(text.hasSuffix("\n"))
        var family = ""
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("# HELP ") {
                let (name, help) = try Self.cut(line.dropFirst(7), at: " ")
                try #require(helps.updateValue(help, forKey: name) == nil, "\(name) comes twice")
                families.append(name)
                family = name
            } else if line.hasPrefix("# TYPE ") {
                let (name, type) = try Self.cut(line.dropFirst(7), at: " ")
                try #require(name == family)
                types[name] = type
            } else {
                let (series, value) = try Self.cutLast(line)
                let name = String(series.prefix { $0 != "{" })
                let isOfFamily =
                    types[family] == "histogram"
                    ? ["_bucket", "_sum", "_count"].contains { name == family + $0 } : name == family
                try #require(isOfFamily, "\(line) stands under \(family)")
                try #require(Double(value) != nil, "\(line)")
                try #require(values.updateValue(value, forKey: series) == nil, "\(series) comes twice")
                self.series.append(series)
            }
        }
    }

    subscript(series: String) -> String? { values[series] }

    func number(_ series: String) -> Double? { values[series].flatMap(Double.init) }

    /// Those whose text holds all of these.
    func series(with parts: String...) -> [String] {
        series.filter { line in parts.allSatisfy { line.contains($0) } }
    }

    private static func cut(_ text: Substring, at separator: Character) throws -> (String, String) {
        let place = try #require(text.firstIndex(of: separator))
        return (String(text[..<place]), String(text[text.index(after: place)...]))
    }

    private static func cutLast(_ text: Substring) throws -> (String, String) {
        let place = try #require(text.lastIndex(of: " "))
        return (String(text[..<place]), String(text[text.index(after: place)...]))
    }
}

extension OriginSnapshot {
    static func sample(
        _ host: String, requests: Int, _ change: (inout OriginStatistics) -> Void = { _ in }
    ) -> OriginSnapshot {
        var statistics = OriginStatistics()
        statistics.requests[RequestClass(.safe, .success)] = requests
        change(&statistics)
        return OriginSnapshot(
            origin: .init(scheme: .http, host: host, port: 80), statistics: statistics, gauges: OriginGauges())
    }
}

extension MetricsPage {
    init(_ origins: [OriginSnapshot], maxOrigins: Int = 100) {
        self.init()
        self.origins = origins
        self.maxOrigins = maxOrigins
    }

    /// One path that will have no port in a while.
    private static var samplePorts: PortFacts {
        guard let space = PortSpace(range: "1000 1199", reserved: "", timeWaitReuse: .never) else { return PortFacts() }
        let path = PortPath(
            source: IPAddress(ipv4: 0x0A00_0005),
            destination: Endpoint(address: IPAddress(ipv4: 0xC000_0207), port: 443))
        func census(_ seconds: Int64, _ open: Range<UInt16>) -> PortCensus {
            var census = PortCensus(time: .zero + .seconds(1000 + seconds), space: space)
            for port in open {
                census.add(.open, from: Endpoint(address: path.source, port: port), to: path.destination)
            }
            return census
        }
        let first = census(0, 1000..<1010)
        let before = (census: first, forecast: Optional(PortForecast(path, in: first)))
        return PortFacts([PortForecast(path, in: census(5, 1000..<1100), before: before)], usable: space.usable)
    }

    /// One client that is connected, and has asked for something.
    private static var samplePrograms: ProgramFigures {
        var table = ProgramTable()
        table.opened(1)
        table.identified(1, .executable("curl", user: 1000), ProgramFacts(), .found, now: .zero)
        var use = ProgramUse(client: 1, isLast: false)
        (use.requests, use.errors) = (2, 1)
        table.used(use, now: .zero)
        var figures = ProgramFigures()
        (figures.series, figures.attributions) = (table.series, table.attributions)
        return figures
    }

    /// Something in every place.
    static func full(seed: UInt64, origins count: Int) -> MetricsPage {
        var sample = SampleStatistics(seed: seed)
        var page = MetricsPage()
        page.version = "1.2.3"
        page.proxy = sample.proxy()
        page.clients = 3
        var refused = Counters<GatewayRefusal>()
        refused[.foreignPage] = 3
        page.gateways = [GatewayTraffic(name: "stripe", requests: 7, refused: refused)]
        page.ports = Self.samplePorts
        page.programs = Self.samplePrograms
        page.slowStartAfterIdle = true
        page.authorities = [AuthorityExpiry(role: "current", time: 2_100_000_000_000)]
        page.origins = (0..<count).map { number in
            OriginSnapshot(
                origin: .init(scheme: .https, host: "host\(number).example.com", port: 8443), statistics: sample.next(),
                gauges: sample.gauges())
        }
        return page
    }
}
