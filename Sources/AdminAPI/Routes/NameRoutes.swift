import AdminModels

/// Names, their addresses, and the resolver. No state.
enum NameRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.dns, name: "getDNS", summary: "The resolver, and what it has done",
            success: .init(status: 200, help: "Servers, files and counts.", content: .json(DNSReport.self))
        ) { .json(await $0.backend.dns()) },
        Operation(
            verb: .get, path: Paths.names, name: "listNames", summary: "Names in the cache, with their addresses",
            help: "By name.",
            parameters: CommonParameters.page + [
                .query("name", .text(longest: 255), "Only this one.", example: "api.example.com")
            ],
            success: .init(status: 200, help: "A page of names.", content: .json(Page<NameReport>.self)),
            problems: [404]
        ) { .json(try await $0.backend.names($0.page, name: $0.text("name"))) },
        Operation(
            verb: .delete, path: Paths.names, name: "flushNames", summary: "Forget names",
            help:
                "They are looked up at their next use, and those with connections at once. Connections stay, unless the "
                + "new answer has other addresses.",
            parameters: [
                .query(
                    "name", .text(longest: 255), "Only this one; otherwise all.", example: "api.example.com"),
                CommonParameters.reason,
            ],
            success: .init(status: 200, help: "How many were known.", content: .json(FlushedNamesReport.self)),
            problems: [404]
        ) { call in
            .json(
                try await call.backend.flushNames(
                    call.text("name"), actor: call.actor, reason: call.text("reason")))
        },
        Operation(
            verb: .post, path: Paths.refreshName, name: "refreshName", summary: "Look a name up now",
            help: "Its addresses serve until the answer comes.",
            body: .init(
                type: NameRefreshRequest.self, longest: 8 << 10,
                example: ["name": "api.example.com", "reason": "it has moved"]),
            success: .init(status: 200, help: "How many look-ups began.", content: .json(NameRefreshReport.self)),
            problems: [404]
        ) { call in
            .json(try await call.backend.refreshName(call.content(NameRefreshRequest.self), actor: call.actor))
        },
    ]
}
