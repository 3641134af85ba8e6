import ProxyTypes

/// Renders pages of metrics in the Prometheus text format 0.0.4. Value; whoever serves them keeps one, as it remembers
/// which origins had series of their own. It reads nothing but the page that it is given.
package struct PrometheusText: Sendable {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private static let otherLabel = "_other"

    private var folding: OriginFolding
    /// The next page is about as long.
    private var lastLength = 65_536

    /// `maxForgotten`: how many origins that were forgotten go on with their series if they come back; the others'
    /// begin again at 0.
    package init(maxForgotten: Int = 1000) {
        folding = OriginFolding(maxLeft: maxForgotten)
    }

    package mutating func render(_ page: MetricsPage) -> [UInt8] {
        let folded = folding.fold(page.origins, limit: page.maxOrigins)
        var subjects = folded.named.map { series in
            let snapshot = page.origins[series.index]
            return OriginSubject(
                label: SeriesWriter.label("origin", snapshot.origin.description), statistics: series.statistics,
                sinceStart: snapshot.statistics, gauges: snapshot.gauges, writesEvery: series.isAnnounced)
        }
        if let (statistics, gauges) = folded.other {
            let label = SeriesWriter.label("origin", Self.otherLabel)
            subjects.append(OriginSubject(label: label, statistics: statistics, sinceStart: statistics, gauges: gauges))
        }
        var out = SeriesWriter(capacity: lastLength + lastLength / 8)
        let whole = PageSubject(page: page, folded: folded.folded)
        for metric in MetricNames.process {
            metric.begin(&out)
            metric.write(whole, &out)
        }
        // The format wants all series of a family in one place.
        for metric in MetricNames.origins {
            metric.begin(&out)
            for subject in subjects {
                out.about(subject.label)
                metric.write(subject, &out)
            }
        }
        let bytes = out.finish()
        lastLength = bytes.count
        return bytes
    }

    /// To be told before an origin's statistics are dropped for good, so that no counter falls.
    package mutating func forget(_ snapshot: OriginSnapshot) {
        folding.forget(snapshot)
    }
}
