import Metering
import ProxyTypes

/// An origin that became unreachable, or reachable again. Value.
struct ReachabilityChange: Sendable {
    let origin: Origin
    let isReachable: Bool
    let failures: Int
}

/// Detects, from one snapshot to the next, which origins became unreachable or reachable again. Pure.
struct ReachabilityMonitor {
    private var unreachable: Set<Origin> = []

    /// A single failed dial is not reported.
    private static let threshold = 3
    /// How many unreachable origins are tracked at once, and so reported: a client that requests a thousand dead hosts
    /// must not flood the log.
    private static let maxUnreachable = 100

    mutating func changes(in snapshots: some Sequence<OriginSnapshot>) -> [ReachabilityChange] {
        var changes: [ReachabilityChange] = []
        for snapshot in snapshots {
            let failures = snapshot.gauges.dialFailures
            if failures >= Self.threshold {
                guard unreachable.count < Self.maxUnreachable, unreachable.insert(snapshot.origin).inserted else {
                    continue
                }
                changes.append(ReachabilityChange(origin: snapshot.origin, isReachable: false, failures: failures))
            } else if failures == 0, unreachable.remove(snapshot.origin) != nil {
                changes.append(ReachabilityChange(origin: snapshot.origin, isReachable: true, failures: 0))
            }
        }
        return changes
    }

    mutating func forget(_ origin: Origin) { unreachable.remove(origin) }
}
