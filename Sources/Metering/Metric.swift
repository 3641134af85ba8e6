/// One family of series: its name, type and help, and how its values are read from what it is about. Value.
struct Metric<Subject>: Sendable {
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    typealias Write = @Sendable (Subject, inout SeriesWriter) -> Void

    let kind: Kind
    let name: String
    let help: String
    let write: Write

    static func counter(_ name: String, _ help: String, _ write: @escaping Write) -> Metric {
        Metric(kind: .counter, name: name, help: help, write: write)
    }

    static func gauge(_ name: String, _ help: String, _ write: @escaping Write) -> Metric {
        Metric(kind: .gauge, name: name, help: help, write: write)
    }

    static func histogram(_ name: String, _ help: String, _ write: @escaping Write) -> Metric {
        Metric(kind: .histogram, name: name, help: help, write: write)
    }

    func begin(_ out: inout SeriesWriter) {
        out.begin(name, type: kind.rawValue, help: help)
    }
}

/// What the series of one origin, or of `_other`, are made from. Value.
struct OriginSubject {
    /// `origin="..."`, as written.
    let label: [UInt8]
    /// What its counters show.
    let statistics: OriginStatistics
    /// All that was counted of it, in whichever series.
    let sinceStart: OriginStatistics
    let gauges: OriginGauges
    /// Counters at 0 too.
    var writesEvery = false
}

/// What the series of the whole process are made from. Value.
struct PageSubject {
    let page: MetricsPage
    /// Origins without series of their own.
    let folded: Int

    var proxy: ProxyMetrics { page.proxy }
}
