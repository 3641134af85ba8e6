import ProxyTypes

/// The metrics of each origin: names, types, help, and the source of their values.
///
/// Names follow OpenTelemetry's semantic conventions, in the spelling of Prometheus, where there is one; else they
/// begin with `connd_`. Values are in base units. Zeros are omitted where a label has many values.
enum MetricNames {
    static let origins: [Metric<OriginSubject>] =
        exchanges + retries + connections + handshakes + tls + tunnels
        + interception + tcp + slowStart

    private static let exchanges: [Metric<OriginSubject>] = [
        .counter(
            "connd_requests_total",
            "Exchanges that ended, by method_class (safe, idempotent, unsafe) and by outcome: the status class that the"
                + " origin sent, proxy_error for a local reply of connd, cut for a response cut short, aborted where"
                + " the client went away. 1xx is an upgrade that became a tunnel."
        ) { origin, out in
            for (label, count) in origin.written(origin.statistics.requests) {
                out.value(count, ("method_class", label.method.name), ("outcome", label.outcome.name))
            }
        },
        .counter("connd_errors_total", "Local replies of connd and responses cut short, by error type (RFC 9209).") {
            $1.counts($0.statistics.errors, by: "error_type", every: $0.writesEvery) { $0.name }
        },
        .gauge(
            "http_client_active_requests",
            "Exchanges that hold a connection now (OpenTelemetry http.client.active_requests)."
        ) { $1.value($0.gauges.active) },
        .gauge("connd_requests_waiting", "Requests in the queue for a connection now.") { $1.value($0.gauges.waiting) },
        .counter("connd_requests_queued_total", "Requests that had to wait for a connection, or for a dial.") {
            $1.value($0.statistics.queued)
        },
        .counter("connd_bytes_total", "Bytes of exchanges sent to and received from the origin, heads included.") {
            $1.value($0.statistics.bytesSent, ("direction", "sent"))
            $1.value($0.statistics.bytesReceived, ("direction", "received"))
        },
        .histogram(
            "http_client_request_duration_seconds",
            "From the request at connd to the end of its answer (OpenTelemetry http.client.request.duration)."
        ) { $1.histogram($0.statistics.totalTime, in: .latency, every: $0.writesEvery) },
        .histogram("connd_queue_duration_seconds", "Time that requests waited for a connection.") {
            $1.histogram($0.statistics.queueTime, in: .latency, every: $0.writesEvery)
        },
        .histogram(
            "connd_first_byte_duration_seconds",
            "From the time a request has its connection to the first byte of its response."
        ) { $1.histogram($0.statistics.firstByteTime, in: .latency, every: $0.writesEvery) },
    ]

    private static let retries: [Metric<OriginSubject>] = [
        .counter("connd_retry_causes_total", "Failures before any byte of a response, by what failed.") {
            $1.counts($0.statistics.retryCauses, by: "cause", every: $0.writesEvery) { $0.name }
        },
        .counter(
            "connd_retries_total",
            "Retries by outcome: each retry is counted as sent, then as succeeded or failed; refused_… says why a"
                + " request was not sent again."
        ) { $1.counts($0.statistics.retryOutcomes, by: "outcome", every: $0.writesEvery) { $0.name } },
        .counter(
            "connd_stale_reuse_total",
            "Reused connections that turned out to be dead: the request was retried, or its client saw the error"
                + " (surfaced)."
        ) {
            $1.value($0.statistics.staleRetried, ("result", "retried"))
            $1.value($0.statistics.staleSurfaced, ("result", "surfaced"))
        },
        .counter(
            "connd_race_lost_seconds_total", "How long requests were held up by reused connections that were dead."
        ) {
            if $0.writesEvery || $0.statistics.races.lostTime > 0 { $1.seconds($0.statistics.races.lostTime) }
        },
        .counter(
            "connd_idle_passed_over_total",
            "Requests that were kept from an idle connection as it was too old for them: what reuse by risk costs."
        ) { if $0.reusesByRisk { $1.value($0.statistics.races.passedOver) } },
        .counter(
            "connd_races_prevented_total",
            "Those of them whose connection the origin closed before their bytes could have reached it."
        ) { if $0.reusesByRisk { $1.value($0.statistics.races.prevented) } },
    ]

    private static let connections: [Metric<OriginSubject>] = [
        .gauge(
            "http_client_open_connections",
            "Connections of the pool by state (OpenTelemetry http.client.open_connections; its idle is idle and"
                + " pinned, its active leased and draining). pinned: between requests of the client that they"
                + " belong to. parked: only watched, to learn the origin's idle limit. dialing: not open yet."
        ) { origin, out in
            out.value(origin.gauges.dialing, ("state", "dialing"))
            out.value(origin.gauges.idle, ("state", "idle"))
            if origin.writesEvery || origin.gauges.parked > 0 { out.value(origin.gauges.parked, ("state", "parked")) }
            out.value(origin.gauges.leased, ("state", "leased"))
            out.value(origin.gauges.pinned, ("state", "pinned"))
            out.value(origin.gauges.draining, ("state", "draining"))
            out.value(origin.gauges.closing, ("state", "closing"))
        },
        .gauge(
            "connd_learned_idle_bound_seconds",
            "At which age idle connections are closed for what was learned of the origin; absent while nothing is obeyed."
        ) { if let bound = $0.gauges.learnedIdleBound { $1.seconds(bound.microseconds) } },
        .counter(
            "connd_connections_opened_total",
            "Connections opened, by cause: demand of a request, warm_up ahead of any, replacement for a retry."
        ) { $1.counts($0.statistics.opened, by: "cause", every: $0.writesEvery) { $0.name } },
        .counter("connd_connections_closed_total", "Connections closed, by reason and by the side that caused it.") {
            for (reason, count) in $0.written($0.statistics.closed) {
                $1.value(count, ("reason", reason.name), ("side", reason.side.name))
            }
        },
        .counter(
            "connd_connections_pinned_total",
            "Connections that authentication bound to one client (NTLM, Negotiate): not shared from then on."
        ) { $1.value($0.statistics.pinned) },
        .counter(
            "connd_connections_distrusted_total",
            "Idle connections distrusted because another was lost without notice. Those that do not prove alive are"
                + " closed with the reason distrusted."
        ) { $1.value($0.statistics.distrusted) },
        .counter("connd_leases_total", "Leases of a connection, new or reused.") {
            $1.value($0.statistics.reused + $0.statistics.firstLeases)
        },
        .counter(
            "connd_leases_reused_total",
            "Leases of a connection that had served before. The reuse ratio:"
                + " rate(connd_leases_reused_total[5m]) / rate(connd_leases_total[5m])."
        ) { $1.value($0.statistics.reused) },
        .gauge("connd_reuse_ratio", "Share of leases, since the start, that reused a connection.") {
            $1.ratio($0.sinceStart.reused, of: $0.sinceStart.reused + $0.sinceStart.firstLeases)
        },
        .gauge("connd_origin_paused", "1 where an operator has paused the origin (_other: any of them).") {
            $1.value($0.gauges.isPaused ? 1 : 0)
        },
        .histogram(
            "http_client_connection_duration_seconds",
            "Age of connections at their end (OpenTelemetry http.client.connection.duration)."
        ) { $1.histogram($0.statistics.connectionAge, in: .age, every: $0.writesEvery) },
        .histogram(
            "connd_connection_requests", "Requests that connections had served when they closed; 0 is counted as 1."
        ) { $1.histogram($0.statistics.requestsPerConnection, in: .requests, every: $0.writesEvery) },
        .histogram("connd_idle_gap_seconds", "How long connections had been idle when they were reused.") {
            $1.histogram($0.statistics.idleGap, in: .gap, every: $0.writesEvery)
        },
    ]

    private static let handshakes: [Metric<OriginSubject>] = [
        .counter("connd_dial_failures_total", "Failed dials, by error type (RFC 9209).") {
            $1.counts($0.statistics.dialFailures, by: "error_type", every: $0.writesEvery) { $0.name }
        },
        .gauge("connd_dial_failures_in_a_row", "Failed dials since the last successful one (_other: the highest).") {
            $1.value($0.gauges.dialFailures)
        },
        .histogram("dns_lookup_duration_seconds", "DNS time of dials (OpenTelemetry dns.lookup.duration).") {
            $1.histogram($0.statistics.dnsTime, in: .handshake, every: $0.writesEvery)
        },
        .histogram("connd_connect_duration_seconds", "TCP connect time of dials.") {
            $1.histogram($0.statistics.connectTime, in: .handshake, every: $0.writesEvery)
        },
        .histogram("connd_tls_duration_seconds", "TLS handshake time of dials.") {
            $1.histogram($0.statistics.tlsTime, in: .handshake, every: $0.writesEvery)
        },
        .counter("connd_handshake_paid_seconds_total", "DNS, connect and TLS time of the connections opened.") {
            $1.seconds($0.statistics.handshakePaid)
        },
        .counter(
            "connd_handshake_saved_seconds_total",
            "Time saved by reuse: for each reuse, the time that opening its connection took."
        ) { $1.seconds($0.statistics.handshakeSaved) },
        .counter(
            "connd_handshake_wait_seconds_total",
            "Time that requests waited for DNS, connect and TLS of the connection that they got, by phase. Their share of all"
                + " requests' time: sum without (phase) (rate(connd_handshake_wait_seconds_total[5m])) /"
                + " rate(http_client_request_duration_seconds_sum[5m])."
        ) {
            let waits = $0.statistics.handshakeWaits
            for (phase, time) in [("dns", waits.dns), ("connect", waits.connect), ("tls", waits.tls)]
            where $0.writesEvery || time > 0 { $1.seconds(time, ("phase", phase)) }
        },
    ]

    private static let tls: [Metric<OriginSubject>] = [
        .counter(
            "connd_tls_handshakes_total",
            "TLS handshakes with the origin that succeeded, by kind (full, or resumed from an earlier session) and version."
        ) {
            for (label, count) in $0.writtenTLS($0.statistics.tls.handshakes) {
                $1.value(count, ("kind", label.isResumed ? "resumed" : "full"), ("version", label.version.name))
            }
        },
        .histogram("connd_tls_full_handshake_duration_seconds", "Time of full TLS handshakes with the origin.") {
            $1.histogram($0.statistics.tls.fullTime, in: .handshake, every: $0.writesEvery)
        },
        .histogram("connd_tls_resumed_handshake_duration_seconds", "Time of resumed TLS handshakes with the origin.") {
            $1.histogram($0.statistics.tls.resumedTime, in: .handshake, every: $0.writesEvery)
        },
        .counter("connd_tls_handshake_failures_total", "TLS handshakes with the origin that failed, by reason.") {
            for (reason, count) in $0.writtenTLS($0.statistics.tls.failures) {
                $1.value(count, ("reason", reason.name))
            }
        },
        .counter(
            "connd_tls_unclean_closes_total",
            "Connections that the origin ended without TLS's close_notify. A response that only this end delimits is cut."
        ) { if $0.hasTLS { $1.value($0.statistics.tls.uncleanEnds) } },
        .counter(
            "connd_tls_resumption_saved_seconds_total",
            "Time saved by resumption: what each resumed handshake took less than full ones do on average."
        ) { if $0.hasTLS { $1.seconds($0.statistics.tls.savedByResumption) } },
        .gauge(
            "connd_tls_unverified_connections",
            "Open connections whose origin's certificate is not verified (tls_verify: none)."
        ) { if $0.hasTLS { $1.value($0.gauges.unverified) } },
        .gauge(
            "connd_origin_certificate_not_after_seconds",
            "When the certificate that the origin showed last expires, in seconds since 1970 (_other: the earliest)."
        ) {
            if let expires = $0.gauges.certificateExpires { $1.value(Int(expires / 1000)) }
        },
    ]

    private static let tunnels: [Metric<OriginSubject>] = [
        .gauge("connd_tunnels", "Tunnels open now.") { if $0.hasTunnels { $1.value($0.gauges.tunnels) } },
        .counter("connd_tunnels_opened_total", "Tunnels opened.") {
            if $0.hasTunnels { $1.value($0.statistics.tunnels.opened) }
        },
        .counter("connd_tunnels_closed_total", "Tunnels that ended.") {
            if $0.hasTunnels { $1.value($0.statistics.tunnels.closed) }
        },
        .counter("connd_tunnels_failed_total", "Tunnels that were not opened because of a limit or a failed dial.") {
            if $0.hasTunnels { $1.value($0.statistics.tunnels.failed) }
        },
        .counter("connd_tunnel_bytes_total", "Bytes of tunnels sent to and received from the origin.") {
            guard $0.hasTunnels else { return }
            $1.value($0.statistics.tunnels.bytesSent, ("direction", "sent"))
            $1.value($0.statistics.tunnels.bytesReceived, ("direction", "received"))
        },
        .histogram("connd_tunnel_duration_seconds", "How long tunnels lasted.") {
            $1.histogram($0.statistics.tunnels.duration, in: .age, every: $0.writesEvery)
        },
    ]
}

extension OriginSubject {
    fileprivate var hasTLS: Bool {
        writesEvery || !statistics.tls.handshakes.isZero || !statistics.tls.failures.isZero
    }

    fileprivate func writtenTLS<Label>(_ counters: Counters<Label>) -> [(label: Label, count: Int)] {
        hasTLS ? written(counters) : []
    }

    var hasInterception: Bool {
        let counted = statistics.intercept
        return writesEvery
            || counted.full + counted.resumed + counted.refused + counted.failed + counted.misdirected > 0
            || !counted.spliced.isZero
    }

    fileprivate var hasTunnels: Bool {
        writesEvery || statistics.tunnels.opened > 0 || statistics.tunnels.failed > 0 || gauges.tunnels > 0
    }

    fileprivate func written<Label>(_ counters: Counters<Label>) -> [(label: Label, count: Int)] {
        writesEvery ? Label.allCases.map { ($0, counters[$0]) } : counters.nonZero
    }
}

extension OriginSubject {
    /// Something was learned, so that requests are kept from idle connections of unsafe age.
    fileprivate var reusesByRisk: Bool {
        writesEvery || gauges.learnedIdleBound != nil || statistics.races.passedOver > 0
    }
}
