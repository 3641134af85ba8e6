package import ProxyTypes

/// How long connections of one origin may be idle, as far as that was learned from what its connections did. It counts
/// where `idle_timeout` is `auto`. Value.
///
/// What must not be sent twice keeps away from the ages at which the origin may close; what may be repeated does not.
package struct LearnedBounds: Equatable, BitwiseCopyable, Sendable {
    /// Ages from `low` to below `high`.
    package struct Zone: Equatable, BitwiseCopyable, Sendable {
        package var low: Interval
        package var high: Interval

        package init(low: Interval, high: Interval) {
            self.low = low
            self.high = high
        }

        /// It contains no age.
        package static let none = Zone(low: .infinite, high: .infinite)

        @inline(__always)
        func contains(_ age: Interval) -> Bool { low <= age && age < high }
    }

    /// A request that must not be sent twice takes only a younger connection, and none in a zone.
    package var once: Interval
    /// A request that may be repeated takes only a younger connection.
    package var repeatable: Interval
    /// At this age an idle connection is closed.
    package var retire: Interval
    /// By age, apart from each other; those that are missing come last.
    package var zones: (Zone, Zone, Zone, Zone)
    /// Ages count from the last byte sent instead of the last byte received.
    package var countsFromRequest: Bool
    /// After so many requests a connection is closed; 0: after any number.
    package var maxRequests: UInt32

    package init(
        once: Interval, repeatable: Interval, retire: Interval, zones: (Zone, Zone, Zone, Zone)? = nil,
        countsFromRequest: Bool = false, maxRequests: UInt32 = 0
    ) {
        self.once = once
        self.repeatable = repeatable
        self.retire = retire
        self.zones = zones ?? (.none, .none, .none, .none)
        self.countsFromRequest = countsFromRequest
        self.maxRequests = maxRequests
    }

    /// Whether a request may go out on a connection of this age.
    @inline(__always)
    func permits(_ age: Interval, isRetryable: Bool) -> Bool {
        if isRetryable { return age < repeatable }
        guard age < once else { return false }
        return age < zones.0.low || !isInZone(age)
    }

    private func isInZone(_ age: Interval) -> Bool {
        zones.0.contains(age) || zones.1.contains(age) || zones.2.contains(age) || zones.3.contains(age)
    }

    /// No younger one is permitted where this one is not for its age; zones end.
    @inline(__always)
    func isBeyond(_ age: Interval, isRetryable: Bool) -> Bool { age >= (isRetryable ? repeatable : once) }

    package static func == (a: LearnedBounds, b: LearnedBounds) -> Bool {
        a.once == b.once && a.repeatable == b.repeatable && a.retire == b.retire && a.zones == b.zones
            && a.countsFromRequest == b.countsFromRequest && a.maxRequests == b.maxRequests
    }
}
