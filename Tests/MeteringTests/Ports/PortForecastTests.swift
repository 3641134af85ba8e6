import Metering
import ProxyTypes
import Testing

@Suite("How long local ports last")
struct PortForecastTests {
    private static let start = Instant.zero + .seconds(1000)
    private static let path = PortPath(
        source: IPAddress(ipv4: 0x0A00_0005), destination: Endpoint(address: IPAddress(ipv4: 0xC000_0207), port: 443))

    /// 200 ports from 1000 on, after so many seconds.
    private func census(
        _ seconds: Int64 = 0, open: [UInt16] = [], waits: [(port: UInt16, left: Int64)] = [],
        reuse: PortSpace.TimeWaitReuse = .never
    ) throws -> PortCensus {
        let space = try #require(PortSpace(range: "1000 1199", reserved: "", timeWaitReuse: reuse))
        var census = PortCensus(time: Self.start + .seconds(seconds), space: space)
        for port in open { add(.open, port, to: &census) }
        for wait in waits { add(.timeWait(left: .milliseconds(wait.left)), wait.port, to: &census) }
        return census
    }

    private func add(_ holding: PortCensus.Holding, _ port: UInt16, to census: inout PortCensus) {
        census.add(holding, from: Endpoint(address: Self.path.source, port: port), to: Self.path.destination)
    }

    private func forecast(
        _ census: PortCensus, before: (census: PortCensus, forecast: PortForecast?)? = nil
    ) -> PortForecast {
        PortForecast(Self.path, in: census, before: before)
    }

    /// Of ports from `port` on, the first with so many milliseconds left, each next one with less.
    private func waits(_ count: Int, from port: UInt16 = 1000, left: Int64, step: Int64) -> [(
        port: UInt16, left: Int64
    )] {
        (0..<count).map { (port: port + UInt16($0), left: left - Int64($0) * step) }
    }

    private func ports(_ range: Range<UInt16>) -> [UInt16] { Array(range) }

    @Test("open connections, those in TIME_WAIT and listeners use ports, each once")
    func counts() throws {
        var census = try census(open: [1000, 1001, 50_000], waits: [(1002, 30_000), (1001, 30_000)])
        census.addListener(1002)
        census.addListener(1003)
        census.addListener(8080)
        let forecast = forecast(census)
        #expect(forecast.open == 3 && forecast.timeWait == 2)
        #expect(forecast.used == 4 && forecast.free == 196)
        #expect(forecast.state == .ample && forecast.exhaustion == nil)
    }

    @Test("a path that nothing uses has all ports")
    func unused() throws {
        #expect(forecast(try census()).free == 200)
    }

    @Test("a port that TIME_WAIT gives away after a second is used for that second only")
    func reused() throws {
        let forecast = forecast(try census(waits: [(1000, 59_900), (1001, 58_900)], reuse: .always))
        #expect(forecast.timeWait == 2 && forecast.used == 1)
    }

    @Test("the first census knows the rate from how new the connections in TIME_WAIT are")
    func firstRate() throws {
        let recent = waits(20, left: 55_000, step: 0)
        let forecast = forecast(try census(waits: recent + waits(1, from: 1100, left: 40_000, step: 0)))
        #expect(forecast.rates.opened == 2 && forecast.rates.ended == 2)
    }

    @Test("a connection that is there twice is not new; one that came, and one that came and went, are")
    func newConnections() throws {
        let first = try census(open: [1000, 1001], waits: [(1002, 40_000), (1003, 5_000)])
        let second = try census(
            5, open: [1000, 1003, 1004], waits: [(1001, 59_000), (1002, 35_000), (1005, 58_000)])
        let forecast = forecast(second, before: (first, nil))
        // 1003 (its port was taken over), 1004, 1005.
        #expect(forecast.rates.opened == 3.0 / 5)
        // 1001, 1005.
        #expect(forecast.rates.ended == 2.0 / 5)
        #expect(forecast.rates.growth == 1.0 / 5)
    }

    @Test("a rate that the range can bear for ever exhausts nothing, whatever is used now")
    func bearable() throws {
        // 3 a second, each for a minute: 180 of 200.
        let forecast = forecast(try census(waits: waits(180, left: 60_000, step: 333)))
        #expect(forecast.used == 180 && forecast.rates.ended < 3.2)
        #expect(forecast.exhaustion == nil && forecast.state == .ample)
    }

    @Test("a rate that it cannot bear is told ahead, to the second")
    func tooMuch() throws {
        // 10 a second for 10 seconds: after 10 more of them all 200 are in TIME_WAIT.
        let forecast = forecast(try census(waits: waits(100, left: 59_950, step: 100)))
        #expect(forecast.rates.ended == 10 && forecast.free == 100)
        #expect(forecast.exhaustion == .seconds(10) && forecast.state == .runningOut)
    }

    @Test("ports that come free meanwhile are counted with")
    func releases() throws {
        // 10 a second end, but 100 older ones are gone within 5 seconds: the range lasts until the new ones fill it.
        let old = waits(100, from: 1050, left: 5_000, step: 50)
        let forecast = forecast(try census(waits: waits(50, left: 59_990, step: 200) + old))
        #expect(forecast.rates.ended == 5 && forecast.free == 50)
        #expect(forecast.exhaustion == .seconds(30))
    }

    @Test("open connections that become ever more exhaust the range later, and beyond an hour never")
    func growth() throws {
        let first = try census(open: ports(1000..<1010))
        let grown = forecast(try census(10, open: ports(1000..<1011)), before: (first, nil))
        #expect(grown.rates.growth == 0.1 && grown.state == .ample)
        #expect((1879...1881).contains(grown.exhaustion?.wholeSeconds ?? 0))
        let slow = forecast(try census(1_000_000, open: ports(1000..<1011)), before: (first, nil))
        #expect(slow.exhaustion == nil)
    }

    @Test("rates are smoothed, so that one burst is no trend")
    func smoothed() throws {
        let first = try census()
        let calm = forecast(first)
        let burst = forecast(try census(1, open: ports(1000..<1011)), before: (first, calm))
        // A sixth of 11 a second.
        #expect(abs(burst.rates.growth - 11.0 / 6) < 0.001 && abs(burst.rates.opened - 11.0 / 6) < 0.001)
    }

    @Test("few ports are short until enough are free, and none is told as now")
    func states() throws {
        func state(_ used: UInt16, before: PortForecast.State?) throws -> PortForecast.State {
            let earlier = try before.map { state in
                let census = try self.census(open: ports(1000..<(state == .short ? 1190 : 1000)))
                return (census: census, forecast: Optional(forecast(census)))
            }
            // Long after: nothing grows.
            return forecast(try census(100_000, open: ports(1000..<(1000 + used))), before: earlier).state
        }
        #expect(try state(180, before: nil) == .ample)
        #expect(try state(181, before: nil) == .short)
        #expect(try state(180, before: .short) == .short)
        #expect(try state(170, before: .short) == .ample)
        let none = forecast(try census(open: ports(1000..<1200)))
        #expect(none.free == 0 && none.exhaustion == .zero && none.state == .short)
        #expect(none.dials(in: try census().space) == 0)
        #expect(forecast(try census(open: ports(1000..<1185))).dials(in: try census().space) == 5)
    }

    @Test("a warning goes only when twice the time is left")
    func warning() throws {
        func after(_ seconds: Int64, free: UInt16, growth: UInt16, was: PortForecast?) throws -> PortForecast {
            let before = try census(open: ports(1000..<(1200 - free - growth)))
            return forecast(try census(seconds, open: ports(1000..<(1200 - free))), before: (before, was))
        }
        let soon = try after(10, free: 100, growth: 4, was: nil)
        #expect(soon.exhaustion == .seconds(248) && soon.state == .runningOut)
        // The same rates, and more ports.
        let first = try census(open: ports(1000..<1030))
        let later = forecast(try census(10, open: ports(1000..<1034)), before: (first, soon))
        #expect(later.exhaustion == .seconds(413) && later.state == .runningOut)
        #expect(forecast(try census(10, open: ports(1000..<1034)), before: (first, nil)).state == .ample)
    }
}

@Suite("A census of connections")
struct PortCensusTests {
    @Test("paths beyond the bound are not counted, and that is told")
    func bounded() throws {
        let space = try #require(PortSpace(range: "1000 1199", reserved: "", timeWaitReuse: .never))
        var census = PortCensus(time: .zero, space: space)
        for number in 0..<(PortCensus.mostPaths + 5) {
            census.add(
                .open, from: Endpoint(address: IPAddress(ipv4: 1), port: 1000),
                to: Endpoint(address: IPAddress(ipv4: UInt32(number)), port: 80))
        }
        #expect(census.counts.count == PortCensus.mostPaths && census.uncounted == 5)
    }

    @Test("connd's own paths find a place whatever others do")
    func own() throws {
        let space = try #require(PortSpace(range: "1000 1199", reserved: "", timeWaitReuse: .never))
        let remote = Endpoint(address: IPAddress(ipv4: 9), port: 80)
        let path = PortPath(source: IPAddress(ipv4: 1), destination: remote)
        var census = PortCensus(time: .zero, space: space, own: [path])
        for number in 0..<(PortCensus.mostPaths + 5) {
            census.add(.open, from: Endpoint(address: IPAddress(ipv4: UInt32(100 + number)), port: 1000), to: remote)
        }
        census.add(.open, from: Endpoint(address: path.source, port: 1000), to: remote)
        #expect(census.counts[path]?.open == 1 && census.uncounted == 5)
    }

    @Test("the metrics have the paths with the fewest free ports, and a count of all")
    func facts() throws {
        let space = try #require(PortSpace(range: "1000 1199", reserved: "", timeWaitReuse: .never))
        var census = PortCensus(time: .zero, space: space)
        var paths: [PortPath] = []
        for number in 0..<30 {
            let path = PortPath(
                source: IPAddress(ipv4: 1), destination: Endpoint(address: IPAddress(ipv4: UInt32(number)), port: 80))
            paths.append(path)
            for port in 0..<(number == 7 ? 190 : number) {
                census.add(.open, from: Endpoint(address: path.source, port: UInt16(1000 + port)), to: path.destination)
            }
        }
        let facts = PortFacts(paths.map { PortForecast($0, in: census) }, usable: space.usable)
        #expect(facts.paths.count == PortFacts.mostSeries && facts.paths.first?.path == paths[7])
        #expect(facts.leastFree == 10 && facts.states[.short] == 1 && facts.states[.ample] == 29)
    }
}
