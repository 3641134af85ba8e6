import ProxyTypes

/// The local ports of connections to origins, by path: from a source address to an address and port.
extension MetricNames {
    static let ports: [Metric<PageSubject>] = [
        .gauge(
            "connd_ports_usable", "Local ports of net.ipv4.ip_local_port_range, less ip_local_reserved_ports."
        ) { if let usable = $0.page.ports.usable { $1.value(usable) } },
        .gauge(
            "connd_ports_least_free",
            "Local ports that are free on the path (source address, destination) with the fewest; all while there is none."
        ) {
            if let least = $0.page.ports.leastFree ?? $0.page.ports.usable { $1.value(least) }
        },
        .gauge("connd_ports_paths", "Paths to origins, by how many local ports they have left.") {
            $1.counts($0.page.ports.states, by: "state", every: true) { $0.name }
        },
        .gauge(
            "connd_ports_open",
            "Open connections of all programs of the host on a path. The series of ports are those of the \(PortFacts.mostSeries) paths with the fewest free."
        ) { subject, out in write(subject, &out) { $0.open } },
        .gauge("connd_ports_time_wait", "Connections of all programs on a path in TIME_WAIT on this side.") {
            subject, out in write(subject, &out) { $0.timeWait }
        },
        .gauge("connd_ports_free", "Local ports that a new connection on a path can have.") { subject, out in
            write(subject, &out) { $0.free }
        },
        .gauge(
            "connd_ports_exhaustion_seconds",
            "When a path has no free local port at the rate of late; no series where that is not to be expected within an hour."
        ) { subject, out in
            write(subject, &out) { $0.exhaustion.map { Int($0.wholeSeconds) } }
        },
        .counter(
            "connd_ports_dials_refused_total", "Dials for which the kernel had no local port (EADDRNOTAVAIL)."
        ) { $1.value($0.proxy.dialsWithoutPort) },
    ]

    private static func write(
        _ subject: PageSubject, _ out: inout SeriesWriter, _ value: (PortForecast) -> Int?
    ) {
        for path in subject.page.ports.paths {
            guard let value = value(path) else { continue }
            out.value(
                value, ("source", path.path.source.description), ("destination", path.path.destination.description))
        }
    }
}
