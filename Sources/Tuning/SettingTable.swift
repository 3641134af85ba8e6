import ProxyTypes

extension Setting {
    /// The settings of an origin, in the order of the cases: name, kind and range, default, when it takes effect, help.
    static let table: [SettingDefinition] =
        [
            .init(
                .maxConnections, "max_connections", .count(1...10000), .count(32), .atOnce,
                "maximum number of connections to the origin; when lowered, shrinks as exchanges end"),
            .init(
                .maxIdle, "max_idle", .countOrUnset(0...10000, unset: "auto"), .unset, .atOnce,
                "maximum number of idle connections; auto: as many as max_connections"),
            .init(
                .minIdle, "min_idle", .count(0...1000), .count(0), .atOnce,
                "idle connections that are dialled ahead and kept ready"),
            .init(
                .maxRequestsPerConnection, "max_requests_per_connection", .count(0...1_000_000_000, zero: "no limit"),
                .count(1000), .atOnce, "requests after which a connection is retired"),
            .init(
                .maxLifetime, "max_lifetime", .duration(.seconds(1)...(.hours(24))), .duration(.minutes(15)),
                .newConnections, "age at which a connection is retired"),
            .init(
                .lifetimeJitter, "lifetime_jitter", .percent(0...50), .percent(10), .newConnections,
                "how far max_lifetime varies between connections, so that they do not all close at once"),
            .init(
                .idleTimeout, "idle_timeout", .durationOrUnset(.milliseconds(100)...(.hours(1)), unset: "auto"), .unset,
                .atOnce,
                "idle time after which a connection is closed; auto: 4s unless announced or learned, at most 90s",
                defersToLearned: true),
            .init(
                .keepAliveMargin, "keep_alive_margin", .duration(.zero...(.seconds(30))), .duration(.seconds(1)),
                .atOnce,
                "how long before an origin's own idle limit a connection is no longer used"),
            .init(
                .idleExploration, "idle_exploration", .flag, .flag(true), .atOnce,
                "with idle_timeout auto: hold a few surplus idle connections on, to learn when the origin closes them"),
            .init(
                .reuseOrder, "reuse_order", .choice(ReuseOrder.allCases.map(\.rawValue)), .word("lifo"), .atOnce,
                "which idle connection is used next; widest: the one with the largest congestion window"),
            .init(
                .pipelining, "pipelining", .choice(Pipelining.allCases.map(\.rawValue)), .word("off"), .newLeases,
                "whether requests are sent on a connection before earlier ones have been answered"),
            .init(
                .pipelineDepth, "pipeline_depth", .count(2...32), .count(4), .newLeases,
                "maximum number of outstanding requests on one connection, with pipelining"),
            .init(
                .maxQueue, "max_queue", .count(0...100_000), .count(256), .newRequests,
                "requests that may wait for a connection; further ones are answered 503"),
            .init(
                .queueTimeout, "queue_timeout", .duration(.zero...(.minutes(5))), .duration(.seconds(5)), .newRequests,
                "how long a request waits for a connection before it is answered 503"),
            .init(
                .connectTimeout, "connect_timeout", .duration(.milliseconds(10)...(.minutes(5))),
                .duration(.seconds(5)),
                .newConnections, "how long a TCP connect may take"),
            .init(
                .tlsTimeout, "tls_timeout", .duration(.milliseconds(10)...(.minutes(5))), .duration(.seconds(5)),
                .newConnections, "how long a TLS handshake may take"),
            .init(
                .headersTimeout, "headers_timeout", .duration(.milliseconds(10)...(.hours(1)), zero: "none"),
                .duration(.seconds(60)), .newExchanges, "how long an origin may take to begin its response"),
            .init(
                .bodyIdleTimeout, "body_idle_timeout", .duration(.milliseconds(10)...(.hours(1)), zero: "none"),
                .duration(.seconds(60)), .newExchanges, "how long nothing may arrive of a body"),
            .init(
                .expectContinueTimeout, "expect_continue_timeout",
                .duration(.milliseconds(10)...(.minutes(1)), zero: "no wait"), .duration(.seconds(1)), .newExchanges,
                "how long a request with Expect: 100-continue waits before its body is read anyway"),
            .init(
                .closeLinger, "close_linger", .duration(.milliseconds(10)...(.seconds(30)), zero: "no wait"),
                .duration(.seconds(2)), .atOnce,
                "how long a connection that is being closed may be silent before connd stops reading from it"),
            .init(
                .tunnelIdleTimeout, "tunnel_idle_timeout", .duration(.seconds(1)...(.hours(24)), zero: "none"),
                .duration(.minutes(10)), .newTunnels, "how long a CONNECT tunnel may be silent"),
            .init(
                .maxTunnels, "max_tunnels", .count(0...100_000), .count(256), .newTunnels,
                "maximum number of CONNECT tunnels to the origin"),
            .init(
                .maxRetries, "max_retries", .count(0...5), .count(1), .newExchanges,
                "how often a request that may be repeated is sent again"),
            .init(
                .replayBuffer, "replay_buffer", .size(0...(1 << 20), zero: "no replay"), .size(64 << 10), .newExchanges,
                "bytes of a request body kept so that it can be sent again"),
        ] + socketRows + nameAndTLSRows

    private static let socketRows: [SettingDefinition] = [
        .init(.tcpNodelay, "tcp_nodelay", .flag, .flag(true), .newConnections, "send small segments at once"),
        .init(.tcpQuickack, "tcp_quickack", .flag, .flag(false), .newConnections, "acknowledge received data at once"),
        .init(
            .tcpKeepalive, "tcp_keepalive", .keepalive, .unset, .newConnections,
            "TCP keep-alive probes as idle/interval/count, such as 60s/10s/6"),
        .init(
            .tcpUserTimeout, "tcp_user_timeout", .duration(.milliseconds(1)...(.minutes(10)), zero: "the kernel's"),
            .duration(.zero), .newConnections, "how long sent data may stay unacknowledged"),
        .init(
            .tcpIdleProbe, "tcp_idle_probe", .duration(.milliseconds(10)...(.minutes(10)), zero: "off"),
            .duration(.seconds(10)), .newConnections,
            "how long the first request after an idle minute may stay unacknowledged"),
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
            .addressOrder, "address_order", .choice(AddressOrder.allCases.map(\.rawValue)), .word("spread"),
            .newConnections,
            "which of several addresses is dialled first: the one with the fewest connections, or the resolver's first"),
        .init(
            .happyEyeballsDelay, "happy_eyeballs_delay", .duration(.milliseconds(10)...(.seconds(2))),
            .duration(.milliseconds(250)), .newConnections,
            "how long one address may leave a dial unanswered before the next is tried in parallel"),
        .init(
            .resolver, "resolver", .choice(ResolverMode.allCases.map(\.rawValue)), .word("auto"), .nextLookUp,
            "who is asked for the origin's name: dns, the system's resolver, or (auto) it for what DNS does not know"),
        .init(
            .dnsMinTTL, "dns_min_ttl", .duration(.zero...(.hours(1))), .duration(.seconds(5)), .nextLookUp,
            "minimum time for which a DNS answer is cached"),
        .init(
            .dnsMaxTTL, "dns_max_ttl", .duration(.seconds(1)...(.hours(24))), .duration(.minutes(5)), .nextLookUp,
            "maximum time for which a DNS answer is cached"),
        .init(
            .dnsServeStale, "dns_serve_stale", .duration(.zero...(.hours(24))), .duration(.seconds(30)), .nextLookUp,
            "how long an expired answer is still used while DNS fails"),
        .init(
            .tls, "tls", .choice(TLSMode.allCases.map(\.rawValue)), .word("as_scheme"), .newRequests,
            "originate: http:// requests to the origin go out as https"),
        .init(
            .tlsVerify, "tls_verify", .choice(TLSVerification.allCases.map(\.rawValue)), .word("full"),
            .newConnections,
            "whether the chain, name and dates of the origin's certificate are verified; none needs a reason"),
        .init(
            .tlsCaFile, "tls_ca_file", .path(unset: "system"), .unset, .newConnections,
            "PEM file of the certificates to trust instead of the system's"),
        .init(
            .tlsClientCert, "tls_client_cert", .path(unset: "none"), .unset, .newConnections,
            "PEM file of the client certificate for the origin, with its chain"),
        .init(
            .tlsClientKey, "tls_client_key", .path(unset: "none"), .unset, .newConnections,
            "PEM file of the private key of tls_client_cert"),
        .init(
            .tlsServerName, "tls_server_name", .host(unset: "host"), .unset, .newConnections,
            "name sent as SNI and required in the certificate; host: the origin's"),
        .init(
            .tlsMinVersion, "tls_min_version", .choice(TLSMinVersion.allCases.map(\.rawValue)), .word("1.2"),
            .newConnections, "lowest version of TLS that is spoken"),
        .init(
            .tlsPin, "tls_pin", .pins(unset: "none"), .unset, .newConnections,
            "public keys of which the origin must have one, as in curl's --pinnedpubkey"),
        .init(
            .intercept, "intercept", .flag, .flag(false), .newTunnels,
            "end the TLS of CONNECT tunnels to the host with connd's own certificate, and pool what is inside"),
        .init(
            .interceptExcept, "intercept_except", .clients(unset: "none"), .unset, .newTunnels,
            "clients that are tunnelled all the same: addresses, program:NAME, user:NAME"),
        .init(
            .advice, "advice", .choice(AdviceMode.allCases.map(\.rawValue)), .word("show"), .atOnce,
            "advice from what is known of the origin: off, show, or auto: what is safe is tried and measured unasked"),
    ]
}
