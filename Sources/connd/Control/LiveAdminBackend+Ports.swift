import AdminAPI
import AdminModels
import Metering
import ProxyTypes

/// Local ports of connections to origins.
extension LiveAdminBackend {
    func ports() async throws(AdminRefusal) -> PortsReport {
        let census: PortWatch.Census
        do {
            census = try await portWatch.current().get()
        } catch {
            throw .unavailable("local ports cannot be counted: \(error.text)")
        }
        await recorder.refresh()
        var report = PortsReport(census)
        report.dialsWithoutPort = await recorder.metrics.dialsWithoutPort
        return report
    }

    /// As of the last counting: the page of metrics calls for none.
    func portFacts() async -> PortFacts {
        guard let census = await portWatch.known else { return PortFacts() }
        let own = census.forecasts.filter { census.origins[$0.path] != nil }
        return PortFacts(own, usable: census.counted.space.usable)
    }
}

extension PortsReport {
    private static let mostPaths = 200

    init(_ census: PortWatch.Census) {
        self.init()
        let space = census.counted.space
        time = APIFormat.time(census.wall)
        timeMs = census.wall
        (rangeFirst, rangeLast) = (Int(space.range.lowerBound), Int(space.range.upperBound))
        usable = space.usable
        reserved = space.range.count - space.usable
        listening = census.counted.listening.count
        few = space.few
        timeWaitReuse =
            switch space.timeWaitReuse {
            case .never: "never"
            case .always: "always"
            case .onLoopback: "on_loopback"
            }
        countingMs = APIFormat.milliseconds(census.duration.microseconds)
        paths = census.forecasts.prefix(Self.mostPaths).map { PortPathReport($0, census.origins[$0.path] ?? []) }
        omitted = census.forecasts.count - paths.count
    }
}

extension PortPathReport {
    private static let mostOrigins = 10

    init(_ forecast: PortForecast, _ origins: [Origin]) {
        self.init()
        source = forecast.path.source.description
        destination = forecast.path.destination.description
        self.origins = origins.map(\.description).sorted().prefix(Self.mostOrigins).map { $0 }
        open = forecast.open
        timeWait = forecast.timeWait
        used = forecast.used
        free = forecast.free
        newPerSecond = (forecast.rates.opened * 100).rounded() / 100
        timeWaitPerSecond = (forecast.rates.ended * 100).rounded() / 100
        exhaustion = forecast.exhaustion.map { APIFormat.duration(milliseconds: $0.wholeMilliseconds) }
        exhaustionMs = forecast.exhaustion?.wholeMilliseconds
        state = forecast.state.name
    }
}
