import ProxyTypes

/// The metrics of the process: build information, clients, sums over all origins, which include forgotten ones,
/// settings and database. Zeros are written.
extension MetricNames {
    static let process: [Metric<PageSubject>] =
        runtime + clients + upstream + names + ports + programs + kernel + times + control

    private static let runtime: [Metric<PageSubject>] = [
        .gauge("connd_build_info", "1, with the version.") { $1.value(1, ("version", $0.page.version)) },
        .gauge("process_start_time_seconds", "When the process started, since 1970 UTC.") {
            $1.seconds($0.page.process.startedAt &* 1000)
        },
        .counter("process_cpu_seconds_total", "CPU time of user and system.") { $1.seconds($0.page.process.cpuTime) },
        .gauge("process_resident_memory_bytes", "Resident memory.") { $1.value($0.page.process.residentMemory) },
        .gauge("connd_tls_bytes", "Memory that libssl holds: connections, sessions, and certificates to trust.") {
            $1.value($0.page.process.tlsMemory)
        },
        .gauge("process_open_fds", "Open file descriptors.") { $1.value($0.page.process.openDescriptors) },
        .gauge("process_max_fds", "Maximum number of open file descriptors.") {
            $1.value($0.page.process.maxDescriptors)
        },
        .gauge(
            "connd_loop_longest_round_seconds",
            "The longest time since the start for which the data loop served something else than its sockets."
        ) { $1.seconds($0.proxy.longestRound) },
        .counter("connd_loop_slow_rounds_total", "Rounds of the data loop that took 10 ms or longer.") {
            $1.value($0.proxy.slowRounds)
        },
        .counter("connd_invariants_broken_total", "Bugs in connd that it detected and survived.") {
            $1.value($0.page.invariantsBroken)
        },
        .counter("connd_log_lines_dropped_total", "Lines of the log that were never written, by reason.") {
            $1.counts($0.proxy.droppedLogLines, by: "reason", every: true) { $0.name }
        },
        .counter("connd_runs_ended_total", "Earlier runs of connd, by how they ended.") {
            for end in RunEnd.allCases { $1.value($0.page.runEnds[end] ?? 0, ("end", end.rawValue)) }
        },
    ]

    private static let clients: [Metric<PageSubject>] = [
        .gauge("connd_clients", "Clients connected now.") { $1.value($0.page.clients) },
        .counter("connd_clients_accepted_total", "Client connections accepted.") { $1.value($0.proxy.clientsAccepted) },
        .counter("connd_clients_closed_total", "Client connections that ended, by reason.") {
            $1.counts($0.proxy.clientsClosed, by: "reason", every: true) { $0.name }
        },
        .gauge(
            "connd_accept_paused",
            "1 while clients wait to be accepted: max_client_connections are busy, or no file descriptor is free."
        ) { $1.value($0.page.acceptIsPaused ? 1 : 0) },
        .counter(
            "connd_accept_pauses_total", "Times that clients had to wait to be accepted."
        ) { $1.value($0.proxy.acceptPauses) },
        .counter("connd_access_log_lines_dropped_total", "Lines of the access log that were never written, by reason.")
        {
            $1.counts($0.proxy.droppedAccessLogLines, by: "reason", every: true) { $0.name }
        },
        .counter(
            "connd_socket_settings_refused_total", "Socket settings that the kernel refused when an origin was dialled."
        ) { $1.value($0.proxy.socketSettingsRefused) },
        .counter("connd_proxy_requests_total", "Requests of all clients.") { $1.value($0.proxy.requests) },
        .gauge(
            "connd_ca_not_after_seconds",
            "When the certificate authority for intercepted tunnels expires, by role, in seconds since 1970."
        ) {
            for authority in $0.page.authorities { $1.value(Int(authority.time / 1000), ("role", authority.role)) }
        },
        .counter("connd_gateway_requests_total", "Requests that gateways forwarded, by gateway.") {
            for gateway in $0.page.gateways { $1.value(gateway.requests, ("gateway", gateway.name)) }
        },
        .counter("connd_gateway_refused_total", "Requests that gateways did not forward, by gateway and reason.") {
            for gateway in $0.page.gateways {
                for reason in GatewayRefusal.allCases {
                    $1.value(gateway.refused[reason], ("gateway", gateway.name), ("reason", reason.name))
                }
            }
        },
        .counter("connd_proxy_tunnels_total", "Tunnels of all clients.") { $1.value($0.proxy.tunnels) },
        .counter(
            "connd_proxy_errors_total",
            "Local replies of connd and responses cut short, of all origins, by error type (RFC 9209)."
        ) { $1.counts($0.proxy.errors, by: "error_type", every: true) { $0.name } },
        .counter("connd_proxy_responses_cut_total", "Responses cut short, of all origins.") {
            $1.value($0.proxy.responsesCut)
        },
        .counter(
            "connd_proxy_trailers_dropped_total",
            "Trailer fields of responses that were not passed on because they are not allowed in trailers"
                + " (RFC 9110 6.5.1)."
        ) { $1.value($0.proxy.trailersDropped) },
        .counter("connd_proxy_exchanges_aborted_total", "Exchanges whose client went away, of all origins.") {
            $1.value($0.proxy.exchangesAborted)
        },
    ]

    private static let upstream: [Metric<PageSubject>] = [
        .gauge("connd_origins", "Origins known.") { $1.value($0.page.origins.count) },
        .gauge(
            "connd_origins_folded",
            "Origins without their own series: the least busy ones, summed as origin=\"_other\". While this is above"
                + " 0, the series of an origin may end; its later counts are added to _other, and if its series"
                + " resumes, it continues from its last value. Each count is in one series, and _other never decreases, so"
                + " sum(increase()) over origins is correct. metrics.max_origins sets how many origins have series."
        ) { $1.value($0.folded) },
        .counter("connd_proxy_connections_opened_total", "Connections opened, to all origins.") {
            $1.value($0.proxy.upstreamOpened)
        },
        .counter("connd_proxy_leases_reused_total", "Leases of a connection that had served before, of all origins.") {
            $1.value($0.proxy.upstreamReused)
        },
        .counter(
            "connd_proxy_connections_closed_total",
            "Connections closed, of all origins, by reason and by the side that caused it."
        ) {
            for reason in CloseReason.allCases {
                $1.value($0.proxy.upstreamClosed[reason], ("reason", reason.name), ("side", reason.side.name))
            }
        },
        .counter(
            "connd_proxy_connections_distrusted_total",
            "Idle connections distrusted because another was lost without notice, of all origins."
        ) { $1.value($0.proxy.upstreamDistrusted) },
        .counter("connd_proxy_dial_failures_total", "Failed dials, of all origins, by error type (RFC 9209).") {
            $1.counts($0.proxy.dialFailures, by: "error_type", every: true) { $0.name }
        },
        .counter("connd_proxy_retry_causes_total", "Failures before any byte of a response, of all origins.") {
            $1.counts($0.proxy.retryCauses, by: "cause", every: true) { $0.name }
        },
        .counter("connd_proxy_retries_total", "Retries of all origins, by outcome.") {
            $1.counts($0.proxy.retryOutcomes, by: "outcome", every: true) { $0.name }
        },
    ]

    private static let times: [Metric<PageSubject>] = [
        .histogram("connd_proxy_queue_duration_seconds", "Time that requests waited for a connection, all origins.") {
            $1.histogram($0.proxy.queueTime, in: .latency, every: true)
        },
        .histogram("connd_proxy_dns_duration_seconds", "DNS time of dials, all origins.") {
            $1.histogram($0.proxy.dnsTime, in: .handshake, every: true)
        },
        .histogram("connd_proxy_connect_duration_seconds", "TCP connect time of dials, all origins.") {
            $1.histogram($0.proxy.connectTime, in: .handshake, every: true)
        },
        .histogram(
            "connd_proxy_first_byte_duration_seconds",
            "From the time a request has its connection to the first byte of its response, all origins."
        ) { $1.histogram($0.proxy.firstByteTime, in: .latency, every: true) },
        .histogram(
            "connd_proxy_request_duration_seconds", "From the request at connd to the end of its answer, all origins."
        ) { $1.histogram($0.proxy.totalTime, in: .latency, every: true) },
    ]

    private static let control: [Metric<PageSubject>] = [
        .gauge("connd_settings_overrides", "Settings in force that an operator has set.") {
            $1.value($0.page.overrides)
        },
        .gauge("connd_settings_trials", "Settings on trial.") { $1.value($0.page.trials) },
        .gauge("connd_settings_conflicts", "Overrides under which the configuration file has changed.") {
            $1.value($0.page.conflicts)
        },
        .gauge("connd_tls_unverified_origins", "Known https origins whose certificates are not verified (tls_verify).")
        {
            $1.value($0.page.unverifiedOrigins)
        },
        .gauge(
            "connd_intercept_refusing_clients",
            "Pairs of client and host that are tunnelled for a day, as the client refused connd's certificate twice."
        ) { $1.value($0.page.refusingClients) },
        .gauge("connd_advice_waiting", "Advice on origins that waits for a decision: connctl advise.") {
            $1.value($0.page.adviceWaiting)
        },
        .gauge("connd_advice_trials", "Advice on trial, whose effect is being measured.") {
            $1.value($0.page.adviceOnTrial)
        },
        .gauge("connd_store_ok", "1 while the database can be written.") { $1.value($0.page.store.isOK ? 1 : 0) },
        .gauge("connd_store_size_bytes", "Size of the database.") { $1.value($0.page.store.size) },
        .gauge("connd_store_pending_rows", "Rows that wait to be written.") { $1.value($0.page.store.pending) },
        .counter("connd_store_dropped_rows_total", "Rows that were never written, by kind.") {
            $1.value($0.page.store.droppedStatistics, ("kind", "figures"))
            $1.value($0.page.store.droppedConnections, ("kind", "connections"))
            $1.value($0.page.store.droppedExchanges, ("kind", "exchanges"))
        },
        .counter("connd_store_recoveries_total", "Times that writing resumed after a fault.") {
            $1.value($0.page.store.recoveries)
        },
    ]
}
