package import ProxyTypes

/// The contents of one page of metrics, read at one moment. Value.
package struct MetricsPage: Sendable {
    package var version = ""
    /// Summed over the loops.
    package var proxy = ProxyMetrics()
    /// Connected now.
    package var clients = 0
    /// Whether waiting clients are not accepted.
    package var acceptIsPaused = false
    package var gateways: [GatewayTraffic] = []
    package var authorities: [AuthorityExpiry] = []
    package var names = NameFacts()
    /// Each origin once.
    package var origins: [OriginSnapshot] = []
    /// How many of them have their own series; the others are summed.
    package var maxOrigins = 100
    package var ports = PortFacts()
    package var programs = ProgramFigures()
    /// net.ipv4.tcp_slow_start_after_idle; nil where it is not known.
    package var slowStartAfterIdle: Bool?
    package var store = StoreFacts()
    package var process = ProcessFacts()
    package var overrides = 0
    package var trials = 0
    package var conflicts = 0
    package var unverifiedOrigins = 0
    /// Clients that are tunnelled because they refused connd's certificate.
    package var refusingClients = 0
    /// Advice that waits for a decision, and advice on trial.
    package var adviceWaiting = 0
    package var adviceOnTrial = 0
    package var invariantsBroken = 0
    /// Of previous runs.
    package var runEnds: [RunEnd: Int] = [:]

    package init() {}
}

/// What has come through one gateway. Value.
package struct GatewayTraffic: Sendable {
    package let name: String
    package let requests: Int
    package let refused: Counters<GatewayRefusal>

    package init(name: String, requests: Int, refused: Counters<GatewayRefusal>) {
        self.name = name
        self.requests = requests
        self.refused = refused
    }
}

/// Names, their addresses and look-ups. Value.
package struct NameFacts: Sendable {
    package var statistics = NameStatistics()
    /// In the cache.
    package var known = 0
    package var underWay = 0

    package init() {}
}

/// When a certificate authority that is in use expires. Value.
package struct AuthorityExpiry: Sendable {
    /// `current` or `next`.
    package let role: String
    /// In milliseconds since 1970.
    package let time: Int64

    package init(role: String, time: Int64) {
        self.role = role
        self.time = time
    }
}

/// The local ports of the host, as of the latest census. Value.
package struct PortFacts: Sendable {
    /// Of `ip_local_port_range`, less reserved ones; nil while that is unknown.
    package var usable: Int?
    /// The paths on which most ports are used, as many as have series.
    package var paths: [PortForecast] = []
    /// Of all paths.
    package var states = Counters<PortForecast.State>()
    /// On the path that has the fewest; nil while there is none.
    package var leastFree: Int?

    /// How many paths have series: other ends of connections are many, and come and go.
    package static let mostSeries = 20

    package init() {}

    package init(_ forecasts: [PortForecast], usable: Int) {
        self.usable = usable
        for forecast in forecasts { states[forecast.state] += 1 }
        leastFree = forecasts.lazy.map(\.free).min()
        paths = Array(forecasts.sorted { $0.isMorePressing(than: $1) }.prefix(Self.mostSeries))
    }
}

/// The programs behind clients' connections. Value.
package struct ProgramFigures: Sendable {
    package var series: [ProgramSeries] = []
    package var attributions = Counters<Attribution>()
    /// What the look-ups have cost, in microseconds of the processor's time.
    package var timeTaken: Int64 = 0
    /// Reports of connections that were lost because too many waited.
    package var dropped = 0

    package init() {}
}

/// The state of the database, as numbers. Value.
package struct StoreFacts: Sendable {
    package var isOK = true
    /// Bytes.
    package var size = 0
    /// Rows to be written.
    package var pending = 0
    /// Rows dropped since the start.
    package var droppedStatistics = 0
    package var droppedConnections = 0
    package var droppedExchanges = 0
    /// How often writing resumed after a fault.
    package var recoveries = 0

    package init() {}
}

/// What the kernel reports about this process. Value.
package struct ProcessFacts: Sendable {
    /// Milliseconds since 1970, UTC.
    package var startedAt: Int64 = 0
    /// Bytes.
    package var residentMemory = 0
    package var openDescriptors = 0
    package var maxDescriptors = 0
    /// Bytes that TLS holds.
    package var tlsMemory = 0
    /// User and system time, in microseconds.
    package var cpuTime: Int64 = 0

    package init() {}
}
