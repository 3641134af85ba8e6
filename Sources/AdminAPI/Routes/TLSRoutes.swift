import AdminModels

/// TLS on both sides of connd, and the clients that refuse its certificates. No state.
enum TLSRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.tlsOrigins, name: "listOriginTLS",
            summary: "TLS with clients and with origins, by origin",
            help: "Origins with a TLS handshake on either side, or whose tunnels could have been intercepted, by name.",
            parameters: CommonParameters.page,
            success: .init(status: 200, help: "A page of origins.", content: .json(Page<OriginTLSReport>.self)),
            problems: [404]
        ) { .json(try await $0.backend.originTLS($0.page)) },
        Operation(
            verb: .get, path: Paths.refusals, name: "listRefusals",
            summary: "Clients that refused connd's certificate for a host",
            help: "The latest first. A client that refused twice within a day is tunnelled for a day.",
            parameters: CommonParameters.page,
            success: .init(
                status: 200, help: "A page of refusals.", content: .json(Page<ClientRefusalReport>.self)),
            problems: [404]
        ) { .json(try await $0.backend.refusals($0.page)) },
        Operation(
            verb: .delete, path: Paths.refusals, name: "forgetRefusals", summary: "Forget refusals",
            help: "The clients are intercepted again from their next CONNECT on.",
            parameters: [
                .query(
                    "host", .text(longest: BodyLimits.origin), "Only those of this host; otherwise all.",
                    example: "api.example.com"),
                CommonParameters.reason,
            ],
            success: .init(
                status: 200, help: "How many were forgotten.", content: .json(ForgottenRefusalsReport.self)),
            problems: [404]
        ) { call in
            .json(
                try await call.backend.forgetRefusals(
                    of: call.text("host"), actor: call.actor, reason: call.text("reason")))
        },
    ]
}
