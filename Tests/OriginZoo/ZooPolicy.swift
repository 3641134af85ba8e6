/// Decides how long a connection of the simulated pool is used and held. Seconds.
package protocol ZooPolicy: AnyObject {
    func start(_ origin: ZooOrigin)
    /// From when it is idle.
    func retireAfter(_ connection: ZooConnection) -> Double
    /// The idle connection for a request; the latest are last.
    func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection?
    /// For how long it is held as a probe, now that its ordinary time is over; nil: not at all.
    func probes(_ connection: ZooConnection, now: Double) -> Double?
    /// Nil for policies that learn nothing.
    var learned: ZooLearnedPolicy? { get }
}

/// Closes after a fixed time.
package final class ZooFixedPolicy: ZooPolicy {
    private let timeout: Double
    package let learned: ZooLearnedPolicy? = nil

    package init(_ timeout: Double) {
        self.timeout = timeout
    }

    package func start(_ origin: ZooOrigin) {}
    package func retireAfter(_ connection: ZooConnection) -> Double { timeout }
    package func probes(_ connection: ZooConnection, now: Double) -> Double? { nil }

    package func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection? {
        idle.last.flatMap { now - $0.since < timeout ? $0 : nil }
    }
}

/// `idle_timeout: auto` of a daemon that learns nothing: what the origin names less `keep_alive_margin`, else 4 s.
package final class ZooHintPolicy: ZooPolicy {
    private var timeout = 0.0
    package let learned: ZooLearnedPolicy? = nil

    package init() {}

    package static func timeout(_ hint: Double?) -> Double { hint.map { min(max($0 - 1, 0), 90) } ?? 4 }

    package func start(_ origin: ZooOrigin) { timeout = Self.timeout(origin.hint) }
    package func retireAfter(_ connection: ZooConnection) -> Double { timeout }
    package func probes(_ connection: ZooConnection, now: Double) -> Double? { nil }

    package func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection? {
        idle.last.flatMap { now - $0.since < timeout ? $0 : nil }
    }
}

/// Knows each connection's own limit, of a sweep its beginning, but not when the origin restarts.
package final class ZooOracle: ZooPolicy {
    private var origin = ZooOrigin("", .never)
    package let learned: ZooLearnedPolicy? = nil

    package init() {}

    package func start(_ origin: ZooOrigin) { self.origin = origin }
    package func retireAfter(_ connection: ZooConnection) -> Double { max(limit(connection), 0) }
    package func probes(_ connection: ZooConnection, now: Double) -> Double? { nil }

    package func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection? {
        idle.last { now - $0.since < limit($0) }
    }

    private func limit(_ connection: ZooConnection) -> Double {
        let known = connection.model.known(lag: connection.lag, roundTrip: origin.roundTrip)
        return min(known - origin.roundTripBound - 0.004, origin.silence.limit, 840)
    }
}
