import Foundation

/// When requests come. Seconds.
package enum ZooArrivals: Sendable, CustomStringConvertible {
    case poisson(Double)
    case bursts(Double, on: Double, off: Double)
    case cron(every: Double, batch: Int, spread: Double)
    case diurnal(Double)
    /// Gaps evenly between two lengths.
    case gaps(Double, Double)

    package func times(_ random: inout ZooRandom, count: Int) -> [Double] {
        var times: [Double] = []
        times.reserveCapacity(count)
        var now = 0.0
        switch self {
        case .poisson(let rate):
            while times.count < count {
                now += random.exponential(1 / rate)
                times.append(now)
            }
        case .gaps(let low, let high):
            while times.count < count {
                now += random.uniform(low, high)
                times.append(now)
            }
        case .bursts(let rate, let on, let off):
            var end = random.exponential(on)
            while times.count < count {
                now += random.exponential(1 / rate)
                if now < end {
                    times.append(now)
                } else {
                    now = end + random.exponential(off)
                    end = now + random.exponential(on)
                }
            }
        case .cron(let period, let batch, let spread):
            while times.count < count {
                times += (0..<batch).map { _ in now + random.uniform(0, spread) }.sorted()
                now += period
            }
        case .diurnal(let mean):
            let (day, depth) = (86_400.0, 0.98)
            while times.count < count {
                now += random.exponential(1 / (mean * (1 + depth)))
                if random.uniform() < (1 + depth * sin(2 * .pi * now / day)) / (1 + depth) { times.append(now) }
            }
        }
        return times
    }

    package var description: String {
        switch self {
        case .poisson(let rate): "\(Self.plain(rate))/s"
        case .bursts(let rate, let on, let off):
            "bursts of \(Self.plain(rate))/s, \(Self.plain(on)) s on, \(Self.plain(off)) s off"
        case .cron(let period, let batch, _): "\(batch) every \(Self.plain(period)) s"
        case .diurnal(let mean): "by day, \(Self.plain(mean))/s"
        case .gaps(let low, let high): "gaps of \(Self.plain(low)) to \(Self.plain(high)) s"
        }
    }

    /// Such as `5` and `0.2`.
    private static func plain(_ number: Double) -> String {
        number == number.rounded() ? "\(Int(number))" : "\(number)"
    }
}
