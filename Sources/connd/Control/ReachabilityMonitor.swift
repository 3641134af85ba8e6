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
    private var lost: Set<Origin> = []

    /// A single failed dial is not reported.
    private static let threshold = 3
    /// The most origins reported at once: a client that requests a thousand dead hosts must not flood the log.
    private static let most = 100

    mutating func changes(in snapshots: some Sequence<OriginSnapshot>) -> [ReachabilityChange] {
        var changes: [ReachabilityChange] = []
        for snapshot in snapshots {
            let failures = snapshot.gauges.dialFailures
            if failures >= Self.threshold {
                guard lost.count < Self.most, lost.insert(snapshot.origin).inserted else { continue }
                changes.append(ReachabilityChange(origin: snapshot.origin, isReachable: false, failures: failures))
            } else if failures == 0, lost.remove(snapshot.origin) != nil {
                changes.append(ReachabilityChange(origin: snapshot.origin, isReachable: true, failures: 0))
            }
        }
        return changes
    }

    mutating func forget(_ origin: Origin) { lost.remove(origin) }
}
