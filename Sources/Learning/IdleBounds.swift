package import ProxyTypes

/// What a pool obeys: how long idle connections to an origin are used and held. Value.
///
/// Ages count from the last byte received, or from the last byte sent where `countsFromRequest`.
package struct IdleBounds: Sendable {
    /// Ages from `low` to below `high`.
    package struct Zone: Hashable, BitwiseCopyable, Sendable {
        package var low: Interval
        package var high: Interval

        package init(low: Interval, high: Interval) {
            self.low = low
            self.high = high
        }

        @inlinable package func contains(_ age: Interval) -> Bool { low <= age && age < high }
    }

    /// A request that must not be sent twice takes only a connection younger than this and outside the zones.
    package internal(set) var post: Interval
    /// A request that may be repeated takes a connection younger than this.
    package internal(set) var `repeat`: Interval
    /// Idle connections are closed at this age, unless they are held as probes.
    package internal(set) var retire: Interval
    /// By age, apart from each other.
    package internal(set) var zones: InlineVector<4, Zone>
    /// Where the first zone begins; `post` where there is none.
    package internal(set) var firstZone: Interval
    /// So many of the connections that would be closed are held as probes, which serve no request that must not be
    /// repeated.
    package internal(set) var park: Int
    /// A probe is held no longer than this.
    package internal(set) var hold: Interval
    /// At this age a probe that is still open tells `IdleLimitLearner.outlived`, once.
    package internal(set) var milestone: Interval
    /// At this age a probe sends one TCP keep-alive segment and tells `IdleLimitLearner.probed`; zero: never.
    package internal(set) var keepAliveAt: Interval
    /// A connection is retired after so many requests; 0: after any number.
    package internal(set) var maxRequests: Int
    /// A reuse at a smaller age teaches nothing and need not be told.
    package internal(set) var watermark: Interval
    package internal(set) var countsFromRequest: Bool
    package internal(set) var state: IdleLimitState

    /// The age that the bounds are about.
    @inlinable package func age(_ age: Interval, lag: Interval) -> Interval { countsFromRequest ? age + lag : age }

    /// Whether a request that must not be sent twice may go out on a connection of this age.
    @inlinable package func isSafe(_ age: Interval) -> Bool {
        if age >= post { return false }
        if age < firstZone { return true }
        for index in zones.indices where zones[index].contains(age) { return false }
        return true
    }
}

/// What is known of an origin's limit.
package enum IdleLimitState: String, Hashable, CaseIterable, Sendable {
    case unknown
    /// The origin names a limit that was not observed yet.
    case hinted
    /// Too few closes to tell.
    case tentative
    /// Only a part of the connections has a limit that is known.
    case partial
    case learned
    /// Learned, but not confirmed since the origin changed.
    case doubtful
    /// Closes at no fixed age.
    case erratic
    /// The path drops idle connections before the origin closes them.
    case path
    /// Connections outlived all that was tried.
    case unlimited
}

/// The learned limit for people and for metrics. Value.
package struct IdleLimitEstimate: Hashable, BitwiseCopyable, Sendable {
    package var limit: Interval
    /// How far closes were from it.
    package var deviation: Interval
    /// Closes.
    package var hits: Int
}
