import Metering
import ProxyTypes

/// An origin that can be dialled no more, or again. Value.
struct ReachChange: Sendable {
    let origin: Origin
    let isReached: Bool
    let failures: Int
}

/// Notices from one look to the next which origins cannot be dialled, and which can again. Pure.
struct ReachWatch {
    private var lost: Set<Origin> = []

    /// One failed dial says little.
    private static let threshold = 3
    /// Of which it is told; whoever asks for a thousand dead places is to fill no log.
    private static let most = 100

    mutating func changes(in snapshots: some Sequence<OriginSnapshot>) -> [ReachChange] {
        var changes: [ReachChange] = []
        for snapshot in snapshots {
            let failures = snapshot.gauges.dialFailures
            if failures >= Self.threshold {
                guard lost.count < Self.most, lost.insert(snapshot.origin).inserted else { continue }
                changes.append(ReachChange(origin: snapshot.origin, isReached: false, failures: failures))
            } else if failures == 0, lost.remove(snapshot.origin) != nil {
                changes.append(ReachChange(origin: snapshot.origin, isReached: true, failures: 0))
            }
        }
        return changes
    }

    mutating func forget(_ origin: Origin) { lost.remove(origin) }
}
