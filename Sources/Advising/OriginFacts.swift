package import ProxyTypes

/// What is known of one origin from a stretch of its traffic: all that the rules look at. Value; times in microseconds.
package struct OriginFacts: Hashable, Sendable {
    /// The length of the stretch.
    package var window = Interval.zero
    package var requests = 0
    /// Answered by connd itself, or cut.
    package var failures = 0
    /// Leases of connections that had served before, and of others.
    package var reused = 0
    package var fresh = 0
    /// Requests that waited for a connection or a dial.
    package var queued = 0
    /// Dials for a waiting request.
    package var dials = 0
    package var closes = Closes()
    /// Reused connections that turned out to be dead.
    package var stale = 0
    /// Requests that failed for it.
    package var staleSurfaced = 0
    /// Answered 503 because the pool or its queue was full.
    package var refusedByLimit = 0
    /// The origin did not begin its answer in time.
    package var answerTimeouts = 0
    package var connectTimeouts = 0
    package var dialFailures = 0
    /// What all dials took, look-ups and TLS included.
    package var handshakeTime = 0.0
    /// What requests waited for it.
    package var waited = HandshakeParts()
    package var queueTime = Tally()
    package var totalTime = Tally()
    package var firstByteTime = Tally()
    package var connectTime = Tally()
    package var nameTime = Tally()
    package var tunnels = Tunnels()
    /// Waits for acknowledgements that the origin causes, and that connd's own writes cause.
    package var delaysOfOrigin = DelayFacts()
    package var delaysOfOurs = DelayFacts()
    package var restarts = RestartFacts()
    package var pool = PoolLevels()
    package var learned: LearnedFacts?
    /// Nil where local ports are ample.
    package var fewPorts: FewPorts?
    package var settings = SettingFacts()

    package init() {}

    package var leases: Int { reused + fresh }

    var hours: Double { max(Double(window.nanoseconds) / 3.6e12, 1e-9) }

    func perHour(_ count: Int) -> Double { Double(count) / hours }
}

/// Why connections ended: how many of each kind. Value.
package struct Closes: Hashable, Sendable {
    package var all = 0
    /// connd's own idle timer, whatever set it.
    package var idle = 0
    package var maxRequests = 0
    /// The origin's response said so, or it speaks HTTP/1.0 without keep-alive.
    package var byResponse = 0
    /// The end of a connection was the end of its response.
    package var withoutLength = 0
    /// The origin ended an idle connection.
    package var byOrigin = 0
    package var byClient = 0
    /// Bound to one client by authentication.
    package var pinned = 0

    package init() {}
}

/// Microseconds.
package struct HandshakeParts: Hashable, Sendable {
    package var name = 0.0
    package var connect = 0.0
    package var tls = 0.0

    package init() {}

    package var all: Double { name + connect + tls }
}

package struct Tunnels: Hashable, Sendable {
    package var opened = 0
    /// In microseconds.
    package var meanDuration = 0.0

    package init() {}
}

/// Exchanges that waited as long as acknowledgements are put off. Value.
package struct DelayFacts: Hashable, Sendable, Codable {
    package var exchanges = 0
    package var waits = 0
    /// Milliseconds; 0: no such waits stand out.
    package var length = 0
    /// The same with the setting that helps.
    package var exchangesWithSetting = 0
    package var waitsWithSetting = 0

    package init() {}
}

/// Uploads before which the kernel had cut the congestion window. Value.
package struct RestartFacts: Hashable, Sendable {
    package var uploads = 0
    package var costly = 0
    /// Microseconds.
    package var timeLost = 0.0

    package init() {}
}

/// The pool as it was found at some moments of the stretch. Value.
package struct PoolLevels: Hashable, Sendable {
    package var looks = 0
    package var idleSum = 0
    package var mostBusy = 0
    /// Idle or busy.
    package var mostOpen = 0

    package init() {}

    package mutating func look(idle: Int, busy: Int) {
        looks += 1
        idleSum += idle
        mostBusy = max(mostBusy, busy)
        mostOpen = max(mostOpen, idle + busy)
    }

    package var meanIdle: Double { looks == 0 ? 0 : Double(idleSum) / Double(looks) }
}

/// The local ports that are left for connections to the origin. Value.
package struct FewPorts: Hashable, Sendable {
    package var free: Int
    package var usable: Int

    package init(free: Int, usable: Int) {
        self.free = free
        self.usable = usable
    }
}

/// What was learned of how the origin ends connections. Value.
package struct LearnedFacts: Hashable, Sendable {
    /// How long the origin keeps an idle connection; nil: not known.
    package var limit: Interval?
    /// How long `idle_timeout: auto` keeps one.
    package var retire: Interval
    /// Whether the origin's own limit is behind that, seen or announced.
    package var isSettled: Bool
    /// After so many requests the origin ends a connection; 0: no such number is known.
    package var maxRequests: Int

    package init(limit: Interval?, retire: Interval, isSettled: Bool, maxRequests: Int) {
        self.limit = limit
        self.retire = retire
        self.isSettled = isSettled
        self.maxRequests = maxRequests
    }
}

/// The settings in force. Value.
package struct SettingFacts: Hashable, Sendable {
    /// Nil: `auto`.
    package var idleTimeout: Interval?
    package var idleExploration = false
    package var maxConnections = 32
    package var maxIdle = 32
    package var minIdle = 0
    /// 0: no limit.
    package var maxRequests = 1000
    package var headersTimeout = Interval.seconds(60)
    package var connectTimeout = Interval.seconds(5)
    package var nameMinTTL = Interval.seconds(5)
    package var nameMaxTTL = Interval.minutes(5)
    package var isWidest = false
    package var quickack = false
    package var nodelay = true
    /// Whether CONNECTs to the host are intercepted.
    package var intercept = false
    /// Only tunnels reach an origin of https that no gateway and no other way in names.
    package var isHTTPS = false

    package init() {}
}
