import ProxyTypes

/// The metrics of names and their look-ups. Zeros are written.
extension MetricNames {
    static let names: [Metric<PageSubject>] = [
        .gauge("connd_dns_names", "Names in the cache.") { $1.value($0.page.names.known) },
        .gauge("connd_dns_lookups_under_way", "Look-ups under way.") { $1.value($0.page.names.underWay) },
        .counter("connd_dns_lookups_total", "Look-ups of names, by outcome.") {
            $1.counts($0.page.names.statistics.lookUps, by: "outcome", every: true) { $0.name }
        },
        .counter("connd_dns_answers_total", "Look-ups that brought addresses, by who answered.") {
            for source in AddressSource.allCases where source != .literal {
                $1.value($0.page.names.statistics.answers[source], ("source", source.name))
            }
        },
        .counter("connd_dns_uses_total", "Dials that needed the addresses of a name, by what the cache had.") {
            $1.counts($0.page.names.statistics.uses, by: "use", every: true) { $0.name }
        },
        .counter("connd_dns_refreshes_total", "Look-ups ahead of need.") {
            $1.value($0.page.names.statistics.refreshes)
        },
        .counter("connd_dns_moves_total", "Times that a name got other addresses.") {
            $1.value($0.page.names.statistics.moves)
        },
        .histogram("connd_dns_lookup_duration_seconds", "Time of look-ups, all names.") {
            $1.histogram($0.page.names.statistics.lookUpTime, in: .handshake, every: true)
        },
    ]
}
