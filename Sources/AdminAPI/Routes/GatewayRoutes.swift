import AdminModels

/// The gateways: which there are, and setting and removing them. No state.
enum GatewayRoutes {
    private static let name = Parameter.path(
        "name", .text(longest: BodyLimits.word), "The gateway's name.", example: "stripe")

    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.gateways, name: "listGateways", summary: "The gateways",
            success: .init(
                status: 200, help: "All of them, in one page.", content: .json(Page<GatewayReport>.self)),
            isRevisioned: true
        ) { call in
            let (gateways, revision) = await call.backend.gateways()
            if call.isFresh(revision) { return .notModified(revision: revision) }
            return .json(Page(items: gateways, total: gateways.count), revision: revision)
        },
        Operation(
            verb: .get, path: Paths.gateway, name: "getGateway", summary: "One gateway", parameters: [name],
            success: .init(status: 200, help: "The gateway.", content: .json(GatewayReport.self)), problems: [404],
            isRevisioned: true
        ) { call in
            let (gateway, revision) = try await call.backend.gateway(call.segment("name"))
            if call.isFresh(revision) { return .notModified(revision: revision) }
            return .json(gateway, revision: revision)
        },
        Operation(
            verb: .put, path: Paths.gateway, name: "putGateway", summary: "Open a gateway, or change one",
            help:
                "Durable, and listening, before the response. It takes precedence over the file's gateway of the same "
                + "name. Only loopback addresses and Unix sockets may be set here. What the request leaves out has its "
                + "default, except `listen`: a gateway that exists keeps its addresses.",
            parameters: [name],
            body: .init(
                type: GatewayRequest.self, longest: 64 << 10,
                example: [
                    "origin": "https://api.stripe.com", "listen": ["127.0.0.1:9101"], "reason": "for the billing jobs",
                ]),
            success: .init(status: 200, help: "The gateway as it is now.", content: .json(GatewayReport.self)),
            problems: [409, 503], isRevisioned: true
        ) { call in
            let (gateway, revision) = try await call.backend.putGateway(
                call.segment("name"), call.content(GatewayRequest.self), actor: call.actor,
                ifRevision: call.expectedGatewayRevision())
            return .json(gateway, revision: revision)
        },
        Operation(
            verb: .delete, path: Paths.gateway, name: "removeGateway", summary: "Remove a gateway that was set here",
            help:
                "Its listeners close; requests under way are answered. The file's gateway of the same name applies again.",
            parameters: [name, CommonParameters.reason],
            success: .init(
                status: 200, help: "The gateways that are left.", content: .json(Page<GatewayReport>.self)),
            problems: [404, 409, 503], isRevisioned: true
        ) { call in
            let (gateways, revision) = try await call.backend.removeGateway(
                call.segment("name"), actor: call.actor, reason: call.text("reason"),
                ifRevision: call.expectedGatewayRevision())
            return .json(Page(items: gateways, total: gateways.count), revision: revision)
        },
    ]
}
