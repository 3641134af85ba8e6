package import ProxyTypes
import Reactor

/// Names that hang must not keep others from being looked up: where too many look-ups are under way, the oldest fail.
extension AddressCache: DeadlineOwner {
    /// Most answers have come by then.
    static let patience = Interval.seconds(1)
    /// Look-ups that give way at a time, so that the loop is not held up long and room does not run out at once again.
    private static let givenUpAtOnce = 128

    /// When a look-up may give way.
    var crowdingEnds: Instant {
        (names.values.lazy.compactMap(\.lookUp?.since).min() ?? now) + Self.patience
    }

    package func deadlineReached(now: Instant) -> Instant {
        guard lookUpsUnderWay > Self.maxLookUps - Self.givenUpAtOnce else { return .distantFuture }
        let old = sorted { $0.lookUp.map { now >= $0.since + Self.patience } ?? false }
        let oldest = old.sorted { ($0.lookUp?.since ?? now) < ($1.lookUp?.since ?? now) }
        for name in oldest.prefix(Self.givenUpAtOnce) { giveUp(name) }
        return lookUpsUnderWay < Self.maxLookUps ? .distantFuture : crowdingEnds
    }

    private func giveUp(_ name: KnownName) {
        // Who waited for another may have waited for this one too.
        guard let abandon = name.lookUp?.abandon else { return }
        // What comes yet is too late.
        name.lookUpNumber += 1
        answered(name, .failed("it gave way to other look-ups", isTimeout: true, source: .dns))
        abandon()
    }
}
