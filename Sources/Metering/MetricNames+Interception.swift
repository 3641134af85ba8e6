import ProxyTypes

extension MetricNames {
    /// Of origins with `intercept: on`.
    static let interception: [Metric<OriginSubject>] = [
        .counter(
            "connd_intercept_handshakes_total",
            "TLS handshakes with clients for the origin that succeeded, by kind (full, or resumed from an earlier session)."
        ) {
            guard $0.hasInterception else { return }
            $1.value($0.statistics.intercept.full, ("kind", "full"))
            $1.value($0.statistics.intercept.resumed, ("kind", "resumed"))
        },
        .histogram(
            "connd_intercept_handshake_duration_seconds",
            "Time of TLS handshakes with clients for the origin, from their first message."
        ) { $1.histogram($0.statistics.intercept.handshakeTime, in: .handshake, every: $0.writesEvery) },
        .counter(
            "connd_intercept_spliced_total",
            "CONNECTs to the origin that were tunnelled although intercept is on, by reason."
        ) {
            guard $0.hasInterception else { return }
            $1.counts($0.statistics.intercept.spliced, by: "reason", every: $0.writesEvery) { $0.name }
        },
        .counter(
            "connd_intercept_certificates_refused_total", "Clients that refused connd's certificate for the origin."
        ) { if $0.hasInterception { $1.value($0.statistics.intercept.refused) } },
        .counter(
            "connd_intercept_handshake_failures_total",
            "TLS handshakes with clients for the origin that failed, but for refused certificates."
        ) { if $0.hasInterception { $1.value($0.statistics.intercept.failed) } },
        .counter(
            "connd_intercept_misdirected_requests_total",
            "Requests within intercepted tunnels that named another host than CONNECT, and were answered 421."
        ) { if $0.hasInterception { $1.value($0.statistics.intercept.misdirected) } },
    ]
}
