import Learning

/// One connection of the simulated pool. Times in seconds. Reference.
final class ZooConnection {
    var backend = 0
    var model = CloseModel.never
    /// Idle since.
    var since = 0.0
    var asked = 0.0
    var lag = 0.0
    var requests = 0
    var expires = 0.0
    /// The origin closes it then, and the FIN arrives a little later.
    var closesAt = Double.infinity
    var finAt = Double.infinity
    var lastSegment = 0.0
    var isIdle = false
    var isGone = false

    // The pool's.
    var retiresAt = 0.0
    var wakesAt = Double.infinity
    var isProbe = false
    var isPinged = false
    var hasToldMilestone = false
    /// Up to which age its idle period was told, in microseconds.
    var told: Int64 = 0
    /// Not used before: it may have been closed after its last response.
    var usableFrom = 0.0
}

/// A request on an idle connection that failed. Reference.
final class ZooFailure {
    let connection: ZooConnection
    let age: Double
    let sentAt: Double
    let sign: FailedReuse.Sign
    let isPost: Bool

    init(connection: ZooConnection, age: Double, sentAt: Double, sign: FailedReuse.Sign, isPost: Bool) {
        self.connection = connection
        self.age = age
        self.sentAt = sentAt
        self.sign = sign
        self.isPost = isPost
    }
}

/// Decides how long a connection of the simulated pool is used and held. Seconds.
protocol ZooPolicy: AnyObject {
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
final class ZooFixedPolicy: ZooPolicy {
    private let timeout: Double
    let learned: ZooLearnedPolicy? = nil

    init(_ timeout: Double) {
        self.timeout = timeout
    }

    func start(_ origin: ZooOrigin) {}
    func retireAfter(_ connection: ZooConnection) -> Double { timeout }
    func probes(_ connection: ZooConnection, now: Double) -> Double? { nil }

    func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection? {
        idle.last.flatMap { now - $0.since < timeout ? $0 : nil }
    }
}

/// Knows each connection's own limit, of a sweep its beginning, but not when the origin restarts.
final class ZooOracle: ZooPolicy {
    private var origin = ZooOrigin("", .never)
    let learned: ZooLearnedPolicy? = nil

    func start(_ origin: ZooOrigin) { self.origin = origin }
    func retireAfter(_ connection: ZooConnection) -> Double { max(limit(connection), 0) }
    func probes(_ connection: ZooConnection, now: Double) -> Double? { nil }

    func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection? {
        idle.last { now - $0.since < limit($0) }
    }

    private func limit(_ connection: ZooConnection) -> Double {
        let known = connection.model.known(lag: connection.lag, roundTrip: origin.roundTrip)
        return min(known - origin.roundTripBound - 0.004, origin.silence.limit, 840)
    }
}
