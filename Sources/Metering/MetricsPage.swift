package import ProxyTypes

/// All that one page of metrics is made from, read at one moment. Value.
package struct MetricsPage: Sendable {
    package var version = ""
    /// Summed over the loops.
    package var proxy = ProxyMetrics()
    /// Connected now.
    package var clients = 0
    /// Clients that have come are not let in.
    package var acceptIsPaused = false
    /// Each origin once.
    package var origins: [OriginSnapshot] = []
    /// How many of them have series of their own; the others are added up.
    package var maxOrigins = 100
    package var store = StoreFacts()
    package var process = ProcessFacts()
    package var overrides = 0
    package var trials = 0
    package var conflicts = 0
    package var invariantsBroken = 0
    /// Of the runs before this one.
    package var runEnds: [RunEnd: Int] = [:]

    package init() {}
}

/// How the database fares, as numbers. Value.
package struct StoreFacts: Sendable {
    package var isOK = true
    /// Bytes.
    package var size = 0
    /// Rows that wait to be written.
    package var pending = 0
    /// Never written, since connd was started.
    package var droppedFigures = 0
    package var droppedConnections = 0
    package var droppedExchanges = 0
    /// Times that writing went on after a fault.
    package var recoveries = 0

    package init() {}
}

/// What the kernel says of this process. Value.
package struct ProcessFacts: Sendable {
    /// Milliseconds since 1970, UTC.
    package var startedAt: Int64 = 0
    /// Bytes.
    package var residentMemory = 0
    package var openDescriptors = 0
    package var maxDescriptors = 0
    /// Of user and system, in microseconds.
    package var cpuTime: Int64 = 0

    package init() {}
}
