package import ProxyTypes

/// The settings of an origin that a pool obeys. Value.
package struct PoolPolicy: Equatable, BitwiseCopyable, Sendable {
    /// Counted across event loops by the origin's `ConnectionBudget`, whose limit `OriginPool.apply` sets to this.
    package var maxConnections = 32
    package var maxIdle = 32
    package var minIdle = 0
    /// 0: no limit.
    package var maxRequestsPerConnection = 1000
    package var maxLifetime = Interval.minutes(15)
    package var lifetimeJitterPercent = 10
    package var idleTimeout = IdleTimeout.auto
    package var keepAliveMargin = Interval.seconds(1)
    /// How often the kernel probes idle connections (`tcp_keepalive`), on those dialled from now on; zero: never.
    package var probesEvery = Interval.zero
    package var reuseOrder = ReuseOrder.lifo
    package var maxQueue = 256
    package var queueTimeout = Interval.seconds(5)
    /// Requests under way on one connection; 1: no pipelining.
    package var pipelineDepth = 1
    /// CONNECTs that wait, are being dialled or are open.
    package var maxTunnels = 256

    package init() {}

    static let autoIdleUnhinted = Interval.seconds(4)
    static let autoIdleLongest = Interval.seconds(90)

    /// How long a connection may be idle whose origin sent `hint`, and the reason to close it then.
    func idleBound(hint: Interval?) -> (bound: Interval, reason: CloseReason) {
        let own: Interval
        switch idleTimeout {
        case .auto: own = Self.autoIdle(isHinted: hint != nil)
        case .fixed(let interval): own = interval
        }
        guard let hint else { return (own, .idleTimeout) }
        let hinted = hint - keepAliveMargin
        return hinted < own ? (hinted, .keepAliveHint) : (own, .idleTimeout)
    }

    private static func autoIdle(isHinted: Bool) -> Interval { isHinted ? autoIdleLongest : autoIdleUnhinted }

    /// What `idle_timeout: auto` comes to before anything was learned.
    package func autoIdleBound(hint: Interval?) -> Interval {
        let own = Self.autoIdle(isHinted: hint != nil)
        return hint.map { min(own, max($0 - keepAliveMargin, .zero)) } ?? own
    }

    /// Drawn per connection, so that those opened together do not end together.
    func lifetime(random: inout SeededRandom) -> Interval {
        let span = maxLifetime.nanoseconds / 100 * Int64(min(max(lifetimeJitterPercent, 0), 50))
        guard span > 0 else { return maxLifetime }
        return maxLifetime + Interval(nanoseconds: Int64(random.below(Int(2 * span))) - span)
    }

    /// `min_idle`, limited by `max_idle`.
    var keptWarm: Int { min(minIdle, maxIdle) }
}
