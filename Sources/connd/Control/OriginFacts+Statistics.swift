import Advising
import Learning
import Metering
import ProxyTypes
import Tuning
import Upstream

extension OriginFacts {
    /// From what was counted in a stretch of time.
    init(
        _ counted: OriginStatistics, over window: Interval, levels: PoolLevels, settings: SettingFacts,
        learned: LearnedFacts?
    ) {
        self.init()
        self.window = window
        requests = counted.requestCount
        failures = counted.errorCount
        (reused, fresh, queued) = (counted.reused, counted.firstLeases, counted.queued)
        dials = counted.opened[.demand]
        closes = Closes(counted.closed)
        stale = counted.staleRetried + counted.staleSurfaced
        staleSurfaced = counted.staleSurfaced
        refusedByLimit = counted.errors[.connectionLimitReached]
        answerTimeouts = counted.errors[.httpResponseTimeout]
        connectTimeouts = counted.dialFailures[.connectionTimeout]
        dialFailures = counted.dialFailures.total
        handshakeTime = Double(counted.handshakePaid)
        waited.name = Double(counted.handshakeWaits.dns)
        waited.connect = Double(counted.handshakeWaits.connect)
        waited.tls = Double(counted.handshakeWaits.tls)
        queueTime = Tally(counted.queueTime)
        totalTime = Tally(counted.totalTime)
        firstByteTime = Tally(counted.firstByteTime)
        connectTime = Tally(counted.connectTime)
        nameTime = Tally(counted.dnsTime)
        tunnels.opened = counted.tunnels.opened
        tunnels.meanDuration = counted.tunnels.duration.mean
        delaysOfOrigin = DelayFacts(counted.delays.answers, with: counted.delays.answersWithQuickack)
        delaysOfOurs = DelayFacts(counted.delays.requestsWithNagle, with: counted.delays.requests)
        restarts.uploads = counted.slowStart.uploads
        restarts.costly = counted.slowStart.costly
        restarts.timeLost = Double(counted.slowStart.timeLost)
        pool = levels
        self.settings = settings
        self.learned = learned
    }
}

extension Tally {
    fileprivate init(_ histogram: Histogram) {
        self.init(
            histogram.cells.map { Bucket(bound: $0.bound, count: $0.count) }, sum: Double(histogram.sum))
    }
}

extension Closes {
    fileprivate init(_ closed: Counters<CloseReason>) {
        self.init()
        all = closed.total - closed[.dialFailed] - closed[.tlsFailed]
        idle = closed[.idleTimeout] + closed[.learnedIdleBound] + closed[.keepAliveHint]
        maxRequests = closed[.maxRequests]
        byResponse = closed[.originConnectionClose]
        withoutLength = closed[.responseUntilClose]
        byOrigin = closed[.originFinIdle] + closed[.originRstIdle]
        byClient = closed[.clientAborted]
    }
}

extension DelayFacts {
    fileprivate init(_ found: WaitPattern, with: WaitPattern) {
        self.init()
        exchanges = found.exchanges
        if let quantum = found.quantum { (waits, length) = (found.waits(of: quantum), quantum.length) }
        exchangesWithSetting = with.exchanges
        // Of either length: after a change the connections without the setting are few, and show none.
        waitsWithSetting = with.forty + with.twoHundred
    }
}

extension LearnedFacts {
    init(_ learning: IdleLearning) {
        let isSettled =
            switch learning.bounds.state {
            case .unknown, .tentative, .erratic: false
            case .hinted, .partial, .learned, .doubtful, .path, .unlimited: true
            }
        // A hint, or the path, is a limit that no close has shown.
        let unseen: Interval? =
            switch learning.bounds.state {
            case .hinted, .path: learning.bounds.retire
            case .unknown, .tentative, .erratic, .partial, .learned, .doubtful, .unlimited: nil
            }
        self.init(
            limit: learning.learner.estimate()?.limit ?? unseen, retire: learning.bounds.retire, isSettled: isSettled,
            maxRequests: learning.bounds.maxRequests)
    }
}

extension SettingFacts {
    init(_ settings: EffectiveSettings, of origin: Origin) {
        self.init()
        switch settings.idleTimeout {
        case .auto: idleTimeout = nil
        case .fixed(let length): idleTimeout = length
        }
        idleExploration = settings.idleExploration
        maxConnections = settings.maxConnections
        maxIdle = settings.maxIdle
        minIdle = settings.minIdle
        maxRequests = settings.maxRequestsPerConnection
        headersTimeout = settings.headersTimeout
        connectTimeout = settings.connectTimeout
        nameMinTTL = settings.dnsMinTTL
        nameMaxTTL = settings.dnsMaxTTL
        isWidest = settings.reuseOrder == .widest
        quickack = settings.tcpQuickack
        nodelay = settings.tcpNodelay
        intercept = settings.intercept
        isHTTPS = origin.scheme == .https
    }
}
