import ProxyTypes

extension SettingDefinition.Availability {
    static let needsOriginTLS = notYet(needs: "TLS to origins")
    static let needsTTLs = notYet(needs: "the TTLs of DNS answers")
}

extension Setting {
    /// The settings of an origin, in the order of the cases: name, kind and range, default, when it takes effect, help.
    static let table: [SettingDefinition] =
        [
            .init(
                .maxConnections, "max_connections", .count(1...10000), .count(32), .atOnce,
                "connections to the origin at most; shrinks as leases end"),
            .init(
                .maxIdle, "max_idle", .countOrUnset(0...10000, unset: "auto"), .unset, .atOnce,
                "idle connections kept at most; auto: as many as max_connections"),
            .init(
                .minIdle, "min_idle", .count(0...1000), .count(0), .atOnce, "idle connections kept, dialled ahead"),
            .init(
                .maxRequestsPerConnection, "max_requests_per_connection", .count(0...1_000_000_000, zero: "no limit"),
                .count(1000), .atOnce, "requests after which a connection is retired"),
            .init(
                .maxLifetime, "max_lifetime", .duration(.seconds(1)...(.hours(24))), .duration(.minutes(15)),
                .newConnections, "age at which a connection is retired"),
            .init(
                .lifetimeJitter, "lifetime_jitter", .percent(0...50), .percent(10), .newConnections,
                "how far max_lifetime varies between connections, so that they do not all end at once"),
            .init(
                .idleTimeout, "idle_timeout", .durationOrUnset(.milliseconds(100)...(.hours(1)), unset: "auto"), .unset,
                .atOnce,
                "idle time after which a connection is closed; auto: 4s until hinted or learned, never over 90s",
                defersToLearned: true),
            .init(
                .keepAliveMargin, "keep_alive_margin", .duration(.zero...(.seconds(30))), .duration(.seconds(1)),
                .atOnce,
                "how long before an origin's own idle limit a connection is no longer used"),
            .init(
                .reuseOrder, "reuse_order", .choice(ReuseOrder.allCases.map(\.rawValue)), .word("lifo"), .atOnce,
                "which idle connection is used next; widest: the one with the largest congestion window"),
            .init(
                .pipelining, "pipelining", .choice(Pipelining.allCases.map(\.rawValue)), .word("off"), .newLeases,
                "whether requests go out before the answers of earlier ones on a connection"),
            .init(
                .pipelineDepth, "pipeline_depth", .count(2...32), .count(4), .newLeases,
                "requests under way on one connection at most, where pipelining is on"),
            .init(
                .maxQueue, "max_queue", .count(0...100_000), .count(256), .newRequests,
                "requests that may wait for a connection; more are answered 503"),
            .init(
                .queueTimeout, "queue_timeout", .duration(.zero...(.minutes(5))), .duration(.seconds(5)), .newRequests,
                "how long a request waits for a connection before it is answered 503"),
            .init(
                .connectTimeout, "connect_timeout", .duration(.milliseconds(10)...(.minutes(5))),
                .duration(.seconds(5)),
                .newConnections, "how long a TCP connect may take"),
            .init(
                .tlsTimeout, "tls_timeout", .duration(.milliseconds(10)...(.minutes(5))), .duration(.seconds(5)),
                .newConnections, "how long a TLS handshake may take", availability: .needsOriginTLS),
            .init(
                .headersTimeout, "headers_timeout", .duration(.milliseconds(10)...(.hours(1)), zero: "none"),
                .duration(.seconds(60)), .newExchanges, "how long an origin may take to begin its answer"),
            .init(
                .bodyIdleTimeout, "body_idle_timeout", .duration(.milliseconds(10)...(.hours(1)), zero: "none"),
                .duration(.seconds(60)), .newExchanges, "how long a body may stand still"),
            .init(
                .expectContinueTimeout, "expect_continue_timeout",
                .duration(.milliseconds(10)...(.minutes(1)), zero: "no wait"), .duration(.seconds(1)), .newExchanges,
                "how long a request with Expect: 100-continue waits before its body is read anyway"),
            .init(
                .closeLinger, "close_linger", .duration(.milliseconds(10)...(.seconds(30)), zero: "no wait"),
                .duration(.seconds(2)), .atOnce,
                "how long a closing connection may be silent before reading stops, so that no reset cuts the answer"),
            .init(
                .tunnelIdleTimeout, "tunnel_idle_timeout", .duration(.seconds(1)...(.hours(24)), zero: "none"),
                .duration(.minutes(10)), .newTunnels, "how long a CONNECT tunnel may be silent"),
            .init(
                .maxTunnels, "max_tunnels", .count(0...100_000), .count(256), .newTunnels,
                "CONNECT tunnels to the origin at most"),
            .init(
                .maxRetries, "max_retries", .count(0...5), .count(1), .newExchanges,
                "times a request that may be repeated is sent again"),
            .init(
                .replayBuffer, "replay_buffer", .size(0...(1 << 20), zero: "no replay"), .size(64 << 10), .newExchanges,
                "bytes of a request body kept so that it can be sent again"),
        ] + socketRows + nameAndTLSRows

    private static let socketRows: [SettingDefinition] = [
        .init(.tcpNodelay, "tcp_nodelay", .flag, .flag(true), .newConnections, "send small segments at once"),
        .init(.tcpQuickack, "tcp_quickack", .flag, .flag(false), .newConnections, "acknowledge at once"),
        .init(
            .tcpKeepalive, "tcp_keepalive", .keepalive, .unset, .newConnections,
            "TCP keep-alive probes as idle/interval/count, such as 60s/10s/6"),
        .init(
            .tcpUserTimeout, "tcp_user_timeout", .duration(.milliseconds(1)...(.minutes(10)), zero: "the kernel's"),
            .duration(.zero), .newConnections, "how long sent data may stay unacknowledged"),
        .init(
            .tcpFastOpen, "tcp_fast_open", .flag, .flag(false), .newConnections,
            "send the first request with the SYN where the origin allows it"),
        .init(
            .congestionControl, "congestion_control", .name(unset: "kernel"), .unset, .newConnections,
            "the kernel's congestion control algorithm, such as cubic or bbr"),
        .init(
            .sendBuffer, "send_buffer", .size(0...(1 << 30), zero: "the kernel's"), .size(0), .newConnections,
            "SO_SNDBUF"),
        .init(
            .receiveBuffer, "receive_buffer", .size(0...(1 << 30), zero: "the kernel's"), .size(0), .newConnections,
            "SO_RCVBUF"),
        .init(
            .sourceAddress, "source_address", .addresses(unset: "kernel"), .unset, .newConnections,
            "one or several local addresses to connect from"),
    ]

    private static let nameAndTLSRows: [SettingDefinition] = [
        .init(
            .ipFamily, "ip_family", .choice(IPFamily.allCases.map(\.rawValue)), .word("any"), .newConnections,
            "which of the origin's addresses are tried"),
        .init(
            .happyEyeballsDelay, "happy_eyeballs_delay", .duration(.milliseconds(10)...(.seconds(2))),
            .duration(.milliseconds(250)), .newConnections,
            "how long one address may stay unanswered before the next is tried beside it"),
        .init(
            .dnsMinTTL, "dns_min_ttl", .duration(.zero...(.hours(1))), .duration(.seconds(5)), .nextLookUp,
            "how long an answer of DNS is kept at least"),
        .init(
            .dnsMaxTTL, "dns_max_ttl", .duration(.seconds(1)...(.hours(24))), .duration(.minutes(5)), .nextLookUp,
            "how long an answer of DNS is kept at most", availability: .needsTTLs),
        .init(
            .dnsServeStale, "dns_serve_stale", .duration(.zero...(.hours(24))), .duration(.seconds(30)), .nextLookUp,
            "how long an answer that ran out is used on while DNS fails"),
        .init(
            .tls, "tls", .choice(TLSMode.allCases.map(\.rawValue)), .word("as_scheme"), .newConnections,
            "originate: http:// requests to the origin go out as https", availability: .needsOriginTLS),
        .init(
            .tlsVerify, "tls_verify", .choice(TLSVerification.allCases.map(\.rawValue)), .word("full"),
            .newConnections, "whether the origin's certificate is checked", availability: .needsOriginTLS),
        .init(
            .tlsCaFile, "tls_ca_file", .path(unset: "system"), .unset, .newConnections,
            "certificates to trust instead of the system's", availability: .needsOriginTLS),
        .init(
            .tlsClientCert, "tls_client_cert", .path(unset: "none"), .unset, .newConnections,
            "certificate to show to the origin", availability: .needsOriginTLS),
        .init(
            .tlsClientKey, "tls_client_key", .path(unset: "none"), .unset, .newConnections,
            "key of tls_client_cert", availability: .needsOriginTLS),
    ]
}
