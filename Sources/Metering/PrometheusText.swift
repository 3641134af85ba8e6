import ProxyTypes

/// Renders pages of metrics in the Prometheus text format 0.0.4. Value, kept from page to page:
/// it remembers which origins had their own series.
package struct PrometheusText: Sendable {
    private static let otherLabel = "_other"

    private var folding: OriginFolding
    /// Bytes of the last page; the next one is about as long.
    private var lastLength = 65_536

    /// `maxForgotten`: how many forgotten origins continue their series if they are used again; the series of the
    /// others begin again at 0.
    package init(maxForgotten: Int = 1000) {
        folding = OriginFolding(maxAbsent: maxForgotten)
    }

    package mutating func render(_ page: MetricsPage) -> [UInt8] {
        let folded = folding.fold(page.origins, limit: page.maxOrigins)
        var subjects = folded.named.map { series in
            let snapshot = page.origins[series.index]
            return OriginSubject(
                label: SeriesWriter.label("origin", snapshot.origin.description), statistics: series.statistics,
                sinceStart: snapshot.statistics, gauges: snapshot.gauges, writesEvery: series.writesZeros)
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

    /// To be called before an origin's statistics are dropped for good, so that no counter falls.
    package mutating func forget(_ snapshot: OriginSnapshot) {
        folding.forget(snapshot)
    }
}
