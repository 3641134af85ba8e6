package import HTTPWire
package import Metering
package import Pooling
package import ProxyTypes
package import Reactor
package import Resolving
package import TLS
package import Tuning

/// What all pools of one event loop share: clock, timer, resolver, scratch storage, statistics. Loop-bound.
package final class UpstreamLoop {
    package let reactor: Reactor
    package let timer: LazyTimer
    package var headLimits: HeadLimits
    package let total: ConnectionBudget
    package var metrics = ProxyMetrics()
    /// Connections and exchanges that have ended since the last report, bounded; the others are counted.
    package var ended = EndedRecords()
    package var census = CensusCall()
    /// The statistics of origins that have no pool any more.
    package private(set) var forgotten = OriginStatistics()
    /// Where a head is written on its way out, within one call.
    package var scratch = ByteQueue()
    /// Filled by whichever connection parses a head, read within the same call.
    var responseHead = ResponseHead()
    var contentRanges: [Range<Int>] = []

    package let addresses: AddressCache
    /// Where the addresses come from; nil where they are scripted.
    package var hostResolver: HostResolver? {
        didSet { hostResolver?.onFilesChanged = { [unowned self] in addresses.expireAll() } }
    }
    var addressHealth = AddressHealth()
    /// net.ipv4.tcp_slow_start_after_idle, which is on unless it was turned off.
    package var slowStartAfterIdle = true
    private var networkCheckedAt: Instant?
    package var addressPolicy: (any AddressPolicy)?
    /// For https origins; without it their connections fail.
    package var tls: (any TLSClient)? {
        didSet { tls?.onFilesChanged = { [unowned self] in retireConnections(using: $0) } }
    }
    private let settingsOf: @Sendable (Origin) -> EffectiveSettings
    private var pools: [Origin: UpstreamPool] = [:]
    /// In the order of creation, and so of their numbers: what concerns several pools must not depend on the order of a
    /// dictionary.
    package private(set) var allPools: [UpstreamPool] = []
    private var poolNumber = 0
    private var connectionNumber: UInt64
    private var phase = Phase.serving
    private var random: SeededRandom
    package private(set) lazy var examiners = Examiners(self)
    /// The pools that wait for room in `total`.
    private var roomQueue = RoomQueue()
    private var sharing = Sharing.done

    private enum Phase {
        case serving
        /// Pools grant no connection any more; exchanges under way end.
        case shuttingDown
    }

    /// How far room in `total` has been shared out.
    private enum Sharing {
        case done
        case underWay
        /// More room is wanted, and no pool has an idle connection to close.
        case nothingIdle
    }

    private static let maxPools = 10_000
    /// Pools whose traffic is recorded; each record takes 33 kB.
    var recordedPools = 0
    var mostRecorded = 128
    /// Of origins without a pool, by origins.
    private var keptLearning: [Origin: LearnedLimit] = [:]
    /// How many pools are forgotten in one round: all clients wait meanwhile, and thousands would take a sixth of a
    /// second.
    private static let forgottenAtOnce = 128

    package init(
        reactor: Reactor, resolver: Resolver, total: ConnectionBudget, headLimits: HeadLimits, seed: UInt64,
        firstConnectionNumber: UInt64 = 1, settings: @escaping @Sendable (Origin) -> EffectiveSettings
    ) {
        self.reactor = reactor
        timer = reactor.timer
        self.total = total
        total.parkingLimit = total.limit / Self.parkedShare
        self.headLimits = headLimits
        random = SeededRandom(seed: seed)
        let kernel = reactor.kernel
        addresses = AddressCache(resolver: resolver, reactor: reactor, seed: seed &+ 1) {
            DestinationOrder.sorted($0) { address in
                kernel.source(for: address).flatMap { $0.isUnspecified ? nil : $0 }
            }
        }
        connectionNumber = firstConnectionNumber - 1
        settingsOf = settings
    }

    @inline(__always)
    package var now: Instant { reactor.now }

    /// The pool of an origin, made on first use. Clients keep the one they used last, so most requests look up none.
    package func pool(for origin: Origin) -> UpstreamPool {
        if let pool = pools[origin] { return pool }
        if pools.count >= Self.maxPools { forgetUnused() }
        poolNumber += 1
        let pool = UpstreamPool(
            origin: origin, number: poolNumber, settings: settingsOf(origin), loop: self, seed: random.next())
        switch phase {
        case .serving: break
        case .shuttingDown: pool.shutdown(now: reactor.now)
        }
        pools[origin] = pool
        allPools.append(pool)
        if let kept = keptLearning.removeValue(forKey: origin) { pool.restore(kept, now: reactor.now) }
        return pool
    }

    /// Whether requests to this `http` origin go to the `https` one.
    package func originatesTLS(for origin: Origin) -> Bool {
        switch pools[origin]?.settings.tls ?? settingsOf(origin).tls {
        case .asScheme: false
        case .originate: true
        }
    }

    private func forgetUnused() {
        let examiners = examiners
        let unused = allPools.lazy.filter { $0.isUnused && !examiners.isExamining($0.origin) }
        remove(Array(unused.prefix(Self.forgottenAtOnce)))
    }

    private func remove(_ unused: [UpstreamPool]) {
        for pool in unused { remove(pool) }
        allPools.removeAll { $0.isForgotten }
    }

    private func remove(_ pool: UpstreamPool) {
        pool.forget()
        if pool.traffic != nil { recordedPools -= 1 }
        keepLearning(of: pool)
        pools[pool.origin] = nil
        forgotten += pool.statistics
        ended.forgotten.append(OriginSnapshot(origin: pool.origin, statistics: pool.statistics, gauges: pool.gauges))
    }

    /// What an earlier process has learned, before the first request.
    package func restoreLearning(_ kept: [Origin: LearnedLimit]) { keptLearning = kept }

    private func keepLearning(of pool: UpstreamPool) {
        if let limit = pool.takeUnsavedLearning() { ended.learned.append(limit) }
        if keptLearning.count < Self.maxPools, let kept = pool.keptLearning { keptLearning[pool.origin] = kept }
    }

    /// What was learned of the origin is dropped. False where there was nothing.
    package func forgetLearned(_ origin: Origin) -> Bool {
        let kept = keptLearning.removeValue(forKey: origin)
        let pool = pools[origin]
        guard kept != nil || pool?.keptLearning != nil else { return false }
        pool?.forgetLearned(now: now)
        ended.learned.append(LearnedLimit(origin: origin, state: [], changed: nil))
        return true
    }

    /// The pool of an origin that has one.
    package func existingPool(for origin: Origin) -> UpstreamPool? { pools[origin] }

    private func index(of number: Int) -> Int? {
        var low = 0
        var high = allPools.count
        while low < high {
            let middle = (low + high) / 2
            if allPools[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < allPools.count && allPools[low].number == number ? low : nil
    }

    /// Closes idle connections and drops the pool. False where it is in use.
    package func forget(_ origin: Origin) -> Bool {
        guard let pool = pools[origin] else {
            _ = forgetLearned(origin)
            return true
        }
        guard pool.isIdle, pool.machine.counts.closing == 0 else { return false }
        pool.shedIdle(.max, .drained, abruptly: true, now: now)
        guard pool.openConnections == 0 else { return false }
        remove([pool])
        _ = forgetLearned(origin)
        return true
    }

    private func retireConnections(using files: TLSProfile.Files) {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.filesChangeUnnoticed) { return }
        #endif
        let now = reactor.now
        for pool in allPools where pool.tlsProfile?.files == files { _ = pool.drain(.settingsChanged, now: now) }
    }

    /// What was learned of addresses holds for one network: at most once a second, the kernel is asked which it is.
    func checkNetwork() {
        if let networkCheckedAt, now < networkCheckedAt + .seconds(1) { return }
        networkCheckedAt = now
        addressHealth.note(
            AddressHealth.Network(
                ipv4: reactor.source(for: Self.somewhereIPv4),
                ipv6: reactor.source(for: Self.somewhereIPv6)))
    }

    /// Documentation addresses (RFC 5737, RFC 3849), which the host routes as most of the world. Nothing is sent there.
    private static let somewhereIPv4 = IPAddress(ipv4: 0xC000_0201)
    private static let somewhereIPv6 = IPAddress(high: 0x2001_0DB8_0000_0000, low: 1)

    func nextConnectionNumber() -> UInt64 {
        connectionNumber += 1
        return connectionNumber
    }

    /// Closes idle connections; requests that run or wait are served. Pinned connections close with their clients.
    package func closeIdle() {
        examiners.stopAll()
        for pool in allPools { pool.shedIdle(pool.counts.idle, .shutdown, now: now) }
    }

    /// Closes idle connections everywhere and refuses new leases; leased ones end with their exchange.
    package func shutdown() {
        phase = .shuttingDown
        examiners.stopAll()
        let now = reactor.now
        for pool in allPools { pool.shutdown(now: now) }
    }

    /// Ends everything at once.
    package func kill() {
        examiners.stopAll()
        for pool in allPools { pool.kill() }
    }

    /// After the end, for whoever outlives it: loop and pools hold each other.
    package func dropPools() {
        pools.removeAll()
        allPools.removeAll()
    }

    package var openConnections: Int { allPools.reduce(0) { $0 + $1.openConnections } }

    // MARK: Limits of all pools together

    /// One connection in so many may be parked: of `max_upstream_connections`, over all origins.
    private static let parkedShare = 16

    package func setMaxConnections(_ count: Int) {
        total.limit = count
        total.parkingLimit = count / Self.parkedShare
        if isTotalContended { shareTotal(after: nil, now: reactor.now) }
    }

    @inline(__always)
    var isTotalContended: Bool { !roomQueue.isEmpty }

    func roomWanted(by pool: UpstreamPool, _ count: Int, claim: Instant) {
        // While no pool waits, pools do not report idle connections.
        if roomQueue.isEmpty, sharing == .nothingIdle { sharing = .done }
        roomQueue.update(pool.number, wanted: count, claim: claim)
        total.earliestClaim = roomQueue.earliestClaim
    }

    /// Something happened to `pool`. Room that came free goes to the pools that wait for it, the earliest claim first, and
    /// idle connections are closed for those that still wait then.
    func shareTotal(after pool: UpstreamPool?, now: Instant) {
        switch sharing {
        // Further up the stack, where the sharing goes on.
        case .underWay: return
        case .nothingIdle:
            let counts = pool?.counts
            let isIdle = counts.map { $0.idle + $0.pinned > 0 } ?? true
            guard isIdle || total.hasRoom else { return }
        case .done: break
        }
        sharing = .underWay
        var missing = 0
        var closed = 0
        repeat {
            giveRoom(now: now)
            missing = roomQueue.isEmpty ? 0 : max(0, roomQueue.wanted - total.expectedRoom)
            closed = missing == 0 ? 0 : shed(ShedPolicy.choose(missing, of: shedCandidates), .poolShrink, now: now)
            // Some may be gone already.
        } while closed > 0 && total.hasRoom
        sharing = closed < missing ? .nothingIdle : .done
    }

    /// Each pool takes room for one dial at a time, and has a later claim then.
    private func giveRoom(now: Instant) {
        while total.hasRoom, let index = roomQueue.takeTurn().flatMap(index(of:)) {
            let taken = total.taken
            allPools[index].budgetFreed(now: now)
            guard total.taken > taken else { return }
        }
    }

    /// Out of file descriptors: idle connections are closed. False where there is none.
    package func relieveDescriptorPressure() -> Bool {
        shed(ShedPolicy.underDescriptorPressure(shedCandidates), .fdPressure, now: reactor.now) > 0
    }

    private var shedCandidates: [ShedPolicy.Candidate] {
        allPools.compactMap { $0.machine.shedCandidate($0.number) }
    }

    /// Returns how many connections were closed, or will be when their origins have closed them too.
    private func shed(_ shares: [ShedPolicy.Share], _ reason: CloseReason, now: Instant) -> Int {
        var count = 0
        for share in shares {
            guard let index = index(of: share.pool) else { continue }
            count += allPools[index].shedIdle(share.count, reason, now: now)
        }
        return count
    }
}
