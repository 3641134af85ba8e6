import ConfigurationFile
import ForwardProxy
import Logging
import ProxyTypes
import Reactor
import Store
import Upstream

/// Dials origins that were busy shortly before the start, ahead of the first request: a few connections each, one after
/// the other, to avoid a burst. Value, used once.
struct WarmStart {
    let store: Store
    let mailbox: LoopMailbox
    let settings: Configuration.WarmStart
    let logger: Logger

    private static let interval = Duration.milliseconds(20)
    /// The limit for all origins together.
    private static let maxDials = 256

    func run() async {
        guard settings.origins > 0 else { return }
        // Only the wall clock spans a restart. If it was set back since, times equally far in the future count as
        // recent too; times further ahead, from a clock that was wrong, do not.
        let (now, recent) = (SystemClock.wall(), settings.recent.wholeMilliseconds)
        let busy = await store.recentlyBusy(since: now - recent, until: now + recent, limit: settings.origins)
        // Short exchanges may not show in the sampled peak of leases, but in the connections that they left.
        var wanted = busy.filter { $0.origin.scheme == .http }
            .map { ($0.origin, min(max($0.peakActive, $0.peakConnections, 1), settings.connections)) }
        var dialled = 0
        var round = 1
        // One connection to each, then a second, the busiest first in each round.
        while !wanted.isEmpty, dialled < Self.maxDials {
            for (origin, _) in wanted where dialled < Self.maxDials {
                let count = round
                dialled += await mailbox.run { loop in
                    guard !loop.isDraining else { return 0 }
                    return loop.upstream.pool(for: origin).prewarm(count, now: loop.upstream.now)
                }
                try? await Task.sleep(for: Self.interval)
                if Task.isCancelled { return }
            }
            wanted.removeAll { $0.1 <= round }
            round += 1
        }
        guard !busy.isEmpty else { return }
        logger.info("warm start", metadata: ["origins": "\(busy.count)", "connections": "\(dialled)"])
    }
}
