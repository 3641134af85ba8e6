package import HTTPWire
package import Metering
package import Pooling
package import ProxyTypes
package import Reactor
package import Tuning

/// What all pools of one event loop share: clock, timer, resolver, scratch storage, figures. Loop-bound.
package final class UpstreamLoop {
    package let reactor: Reactor
    package let timer: LazyTimer
    package var headLimits: HeadLimits
    package let total: ConnectionBudget
    package var metrics = ProxyMetrics()
    /// What has ended since the last report, within bounds; what found no room is counted.
    package var ended = EndedRecords()
    /// The figures of origins that have no pool any more.
    package private(set) var forgotten = OriginFigures()
    /// Where a head is written on its way out, within one call.
    package var scratch = ByteQueue()
    /// Filled by whichever connection parses a head, read within the same call.
    var responseHead = ResponseHead()
    var contentRanges: [Range<Int>] = []

    let addresses: AddressCache
    package var addressPolicy: (any AddressPolicy)?
    private let settingsOf: @Sendable (Origin) -> EffectiveSettings
    private var pools: [Origin: UpstreamPool] = [:]
    private var connectionNumber: UInt64
    private var isShuttingDown = false
    private var random: SeededRandom

    private static let maxPools = 10_000

    package init(
        reactor: Reactor, resolver: Resolver, total: ConnectionBudget, headLimits: HeadLimits, seed: UInt64,
        firstConnectionNumber: UInt64 = 1, settings: @escaping @Sendable (Origin) -> EffectiveSettings
    ) {
        self.reactor = reactor
        timer = reactor.timer
        self.total = total
        self.headLimits = headLimits
        addresses = AddressCache(resolver: resolver, reactor: reactor)
        random = SeededRandom(seed: seed)
        connectionNumber = firstConnectionNumber - 1
        settingsOf = settings
    }

    @inline(__always)
    package var now: Instant { reactor.now }

    /// The pool of an origin, made on first use. A client remembers the one it used last and spares itself the look-up.
    package func pool(for origin: Origin) -> UpstreamPool {
        if let pool = pools[origin] { return pool }
        if pools.count >= Self.maxPools { forgetUnused() }
        let pool = UpstreamPool(origin: origin, settings: settingsOf(origin), loop: self, seed: random.next())
        if isShuttingDown { pool.shutdown(now: reactor.now) }
        pools[origin] = pool
        return pool
    }

    private func forgetUnused() {
        for pool in Array(pools.values) where pool.isUnused { remove(pool) }
    }

    private func remove(_ pool: UpstreamPool) {
        pool.forget()
        pools[pool.origin] = nil
        forgotten += pool.figures
        ended.forgotten.append(OriginSnapshot(origin: pool.origin, figures: pool.figures, gauges: pool.gauges))
    }

    /// The pool of an origin that has one.
    package func existingPool(for origin: Origin) -> UpstreamPool? { pools[origin] }

    package var allPools: [UpstreamPool] { Array(pools.values) }

    /// Closes what lies idle and forgets the origin. False where somebody uses it.
    package func forget(_ origin: Origin) -> Bool {
        guard let pool = pools[origin] else { return true }
        guard pool.isIdle, pool.machine.counts.closing == 0 else { return false }
        pool.shedAtOnce(.drained, now: now)
        guard pool.openConnections == 0 else { return false }
        remove(pool)
        return true
    }

    func nextConnectionNumber() -> UInt64 {
        connectionNumber += 1
        return connectionNumber
    }

    /// Closes what nobody uses now; what still runs or waits is served. What belongs to a client goes with that client.
    package func closeIdle() {
        for pool in pools.values { _ = pool.shedIdle(pool.sharedIdle, .shutdown, now: now) }
    }

    /// Closes idle connections everywhere and refuses new leases; leased ones end with their exchange.
    package func shutdown() {
        isShuttingDown = true
        let now = reactor.now
        for pool in pools.values { pool.shutdown(now: now) }
    }

    /// Ends everything at once.
    package func kill() {
        for pool in pools.values { pool.kill() }
    }

    package var openConnections: Int { pools.values.reduce(0) { $0 + $1.openConnections } }

    /// Frees one connection for `pool` where all others hold the rest of the total budget idle, the idlest first.
    func shedElsewhere(for pool: UpstreamPool, abruptly: Bool, now: Instant) -> Bool {
        func idlest(_ count: (UpstreamPool) -> Int) -> UpstreamPool? {
            let best = pools.values.lazy.filter { $0 !== pool }.max { count($0) < count($1) }
            return best.flatMap { count($0) > 0 ? $0 : nil }
        }
        // What belongs to a client comes after what is anybody's, wherever that is.
        let best = idlest { $0.sharedIdle } ?? idlest { $0.idleConnections }
        return best?.shedIdle(1, .poolShrink, abruptly: abruptly, now: now) ?? false
    }

    /// Out of file descriptors: idle connections go first. True when there were any.
    package func relieveDescriptorPressure() -> Bool {
        let now = reactor.now
        var shed = false
        for pool in pools.values where pool.idleConnections > 0 {
            shed = pool.shedIdle(max(pool.idleConnections / 4, 1), .fdPressure, now: now) || shed
        }
        return shed
    }

    /// A connection of some pool is gone: whoever waits for the total budget may dial now.
    func budgetFreed(by freeing: UpstreamPool, now: Instant) {
        guard total.taken + 1 >= total.limit else { return }
        for pool in pools.values where pool !== freeing && pool.waitsForTotal { pool.budgetFreed(now: now) }
    }
}
