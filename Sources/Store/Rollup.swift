package import Metering

/// What happened at one origin, or at all of them, in a period of time. Value; periods can be added up.
package struct Rollup: Hashable, Sendable {
    package var counts = Counters<TrafficCount>()
    package var queueTime = Histogram()
    package var firstByteTime = Histogram()
    package var totalTime = Histogram()
    /// Of sampled connections.
    package var roundTripTime = Histogram()
    /// The highest value of any batch.
    package var peakWaiting = 0
    package var peakActive = 0
    package var peakConnections = 0

    package init() {}

    init(_ snapshot: OriginSnapshot) {
        counts = Counters(snapshot.statistics)
        queueTime = snapshot.statistics.queueTime
        firstByteTime = snapshot.statistics.firstByteTime
        totalTime = snapshot.statistics.totalTime
        roundTripTime = snapshot.statistics.tcp.roundTripTime
        peakWaiting = snapshot.gauges.waiting
        peakActive = snapshot.gauges.active
        peakConnections = snapshot.gauges.connections
    }

    /// No traffic, and no connections held.
    var isZero: Bool { counts.isZero && peakWaiting == 0 && peakActive == 0 && peakConnections == 0 }

    /// Adds a later period, or another part of the same one.
    package static func += (a: inout Rollup, b: Rollup) {
        a.add(b)
        a.peakWaiting = max(a.peakWaiting, b.peakWaiting)
        a.peakActive = max(a.peakActive, b.peakActive)
        a.peakConnections = max(a.peakConnections, b.peakConnections)
    }

    /// Adds another origin of the same batch: connections that both held at the same time add up.
    mutating func addBeside(_ b: Rollup) {
        add(b)
        peakWaiting += b.peakWaiting
        peakActive += b.peakActive
        peakConnections += b.peakConnections
    }

    private mutating func add(_ b: Rollup) {
        counts += b.counts
        queueTime += b.queueTime
        firstByteTime += b.firstByteTime
        totalTime += b.totalTime
        roundTripTime += b.roundTripTime
    }
}

/// The widths of roll-up rows. `Retention` says how long each is kept, and for how many origins.
package enum RollupResolution: UInt8, CaseIterable, Sendable {
    case tenSeconds, minute, hour

    /// Milliseconds.
    package var width: Int64 {
        switch self {
        case .tenSeconds: 10_000
        case .minute: 60_000
        case .hour: 3_600_000
        }
    }

    var table: String {
        switch self {
        case .tenSeconds: "rollup_10s"
        case .minute: "rollup_1m"
        case .hour: "rollup_1h"
        }
    }
}
