import ConfigurationFile
import ForwardProxy
import Logging
import ProxyTypes
import Reactor
import Store
import Upstream

/// Dials what was busy shortly before the start, ahead of the first request: a few connections each, one after the other, so
/// that a start is no burst. Value, used once.
struct WarmStart {
    let store: Store
    let gate: LoopGate
    let settings: Configuration.WarmStart
    let logger: Logger

    private static let pause = Duration.milliseconds(20)
    /// Of all origins together.
    private static let maxDials = 256

    func run() async {
        guard settings.origins > 0 else { return }
        // Nothing but the wall clock spans a restart. Where it was set back meanwhile, what is as far ahead of it counts as
        // recent too; what a clock left behind that was wrong by more does not.
        let (now, recent) = (SystemClock.wall(), settings.recent.wholeMilliseconds)
        let busy = await store.recentlyBusy(since: now - recent, until: now + recent, limit: settings.origins)
        // Exchanges shorter than the time between two looks are seen in no peak of theirs, but in the connections they left.
        var wanted = busy.filter { $0.origin.scheme == .http }
            .map { ($0.origin, min(max($0.peakActive, $0.peakConnections, 1), settings.connections)) }
        var dialled = 0
        var round = 1
        // One connection to each, then a second: the busiest come first in every round.
        while !wanted.isEmpty, dialled < Self.maxDials {
            for (origin, _) in wanted where dialled < Self.maxDials {
                let count = round
                dialled += await gate.run { loop in
                    guard !loop.isDraining else { return 0 }
                    return loop.upstream.pool(for: origin).prewarm(count, now: loop.upstream.now)
                }
                try? await Task.sleep(for: Self.pause)
                if Task.isCancelled { return }
            }
            wanted.removeAll { $0.1 <= round }
            round += 1
        }
        guard !busy.isEmpty else { return }
        logger.info("warm start", metadata: ["origins": "\(busy.count)", "connections": "\(dialled)"])
    }
}
