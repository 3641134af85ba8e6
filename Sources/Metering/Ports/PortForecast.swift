package import ProxyTypes

/// How many local ports are left on one path, and how long they last if connections go on to come and end as they do.
/// Pure value.
///
/// What is free follows from the census. What will be is worked out second by second: each connection in TIME_WAIT is known to
/// release its port at a known time, and those that will end are taken to be as many a second as of late. So a rate that the
/// range can bear for ever is told from one that it cannot, whatever the count is now.
package struct PortForecast: Hashable, Sendable {
    /// In the order of how serious it is.
    package enum State: UInt8, CaseIterable, Comparable, Sendable {
        case ample
        /// At this rate none is left within minutes.
        case runningOut
        /// Few are left: connd reuses and queues rather than dials.
        case short

        package var name: String {
            switch self {
            case .ample: "ample"
            case .runningOut: "running_out"
            case .short: "short"
            }
        }

        package static func < (a: State, b: State) -> Bool { a.rawValue < b.rawValue }
    }

    /// Per second, smoothed.
    package struct Rates: Hashable, Sendable {
        /// Ports taken by new connections.
        package var opened = 0.0
        /// Connections that entered TIME_WAIT on this side.
        package var ended = 0.0
        /// By how much the number of open connections grows.
        package var growth = 0.0

        package init() {}
    }

    package let path: PortPath
    package let open: Int
    package let timeWait: Int
    /// Ports of the range that no new connection on this path can have.
    package let used: Int
    package let free: Int
    package let rates: Rates
    /// Until no port is free; nil where that is not to be expected within `horizon`.
    package let exhaustion: Interval?
    package let state: State

    /// Beyond it a few connections more or less would make all the difference.
    package static let horizon = Interval.hours(1)
    /// A warning comes this long before, and goes when twice the time is left.
    package static let warning = Interval.minutes(5)
    /// In seconds: how far the first census looks back, and how fast rates follow what happens.
    private static let firstLook = 10.0
    private static let smoothing = 5.0

    /// `before`: the census and the forecast of this path that came before.
    package init(
        _ path: PortPath, in census: PortCensus, before: (census: PortCensus, forecast: PortForecast?)? = nil
    ) {
        let count = census.counts[path] ?? PortCensus.Count()
        let space = census.space
        self.path = path
        open = count.open
        timeWait = count.timeWait
        let blocking = space.blocking(path)
        // How long each port in TIME_WAIT stays blocked.
        var releases: [Interval] = []
        var held = census.listening
        for (port, holding) in count.holdings {
            switch holding {
            case .open: held.insert(port)
            case .timeWait(let left):
                let blocked = left - (PortSpace.timeWait - blocking)
                guard blocked > .zero, held.insert(port).inserted else { continue }
                releases.append(blocked)
            }
        }
        used = held.count
        free = max(0, space.usable - used)
        rates = Self.rates(count, path, census, before)
        exhaustion = Self.exhaustion(free: free, releases: releases, blocking: blocking, rates)
        state = Self.state(free: free, exhaustion, space, before: before?.forecast?.state ?? .ample)
    }

    private static func rates(
        _ count: PortCensus.Count, _ path: PortPath, _ census: PortCensus,
        _ before: (census: PortCensus, forecast: PortForecast?)?
    ) -> Rates {
        // At the first census only TIME_WAIT tells of the past.
        let elapsed = before.map { census.time - $0.census.time } ?? .seconds(Int64(firstLook))
        let seconds = Double(max(elapsed.nanoseconds, 1)) / 1e9
        var rates = Rates()
        rates.ended = Double(count.ended(within: min(elapsed, PortSpace.timeWait))) / min(seconds, 60)
        guard let before else {
            rates.opened = rates.ended
            return rates
        }
        let then = before.census.counts[path]
        rates.opened = Double(count.taken(since: then, elapsed)) / seconds
        rates.growth = Double(count.open - (then?.open ?? 0)) / seconds
        guard let earlier = before.forecast?.rates else { return rates }
        // As much of the earlier rates as a first-order filter keeps: 1 / (1 + x) is near enough to exp(-x).
        let kept = 1 / (1 + seconds / smoothing)
        rates.opened += (earlier.opened - rates.opened) * kept
        rates.ended += (earlier.ended - rates.ended) * kept
        rates.growth += (earlier.growth - rates.growth) * kept
        return rates
    }

    private static func exhaustion(
        free: Int, releases: [Interval], blocking: Interval, _ rates: Rates
    ) -> Interval? {
        guard free > 0 else { return .zero }
        let block = Double(blocking.nanoseconds) / 1e9
        var released = [Int](repeating: 0, count: Int(block.rounded(.up)) + 1)
        for release in releases {
            let second = Int((Double(release.nanoseconds) / 1e9).rounded(.up))
            released[min(max(second, 0), released.count - 1)] += 1
        }
        var left = Double(free)
        var steps = 0
        // Until those that are in TIME_WAIT now have left it.
        for second in 1..<released.count {
            left += Double(released[second]) - rates.ended - rates.growth
            steps = second
            if left < 1 { return .seconds(Int64(second)) }
        }
        // From then on as many leave it as enter it, and only the open ones can become more.
        guard rates.growth > 0 else { return nil }
        let seconds = Double(steps) + (left - 1) / rates.growth
        return seconds <= Double(horizon.wholeSeconds) ? .seconds(Int64(seconds.rounded(.up))) : nil
    }

    private static func state(free: Int, _ exhaustion: Interval?, _ space: PortSpace, before: State) -> State {
        if free < (before == .short ? space.enough : space.few) { return .short }
        guard let exhaustion else { return .ample }
        let warning = before == .ample ? Self.warning : Self.warning + Self.warning
        return exhaustion <= warning ? .runningOut : .ample
    }

    /// For lists: what needs a look comes first.
    package func isMorePressing(than other: PortForecast) -> Bool {
        if free != other.free { return free < other.free }
        if path.destination != other.path.destination {
            return (path.destination.address, path.destination.port)
                < (other.path.destination.address, other.path.destination.port)
        }
        return path.source < other.path.source
    }

    /// How many connections may be dialled on this path while few ports are left.
    package func dials(in space: PortSpace) -> Int { max(0, free - space.left) }
}
