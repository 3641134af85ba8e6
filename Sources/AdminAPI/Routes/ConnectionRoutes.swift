import AdminModels

/// Upstream connections and actions on pools. No state.
enum ConnectionRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.connections, name: "listConnections", summary: "Upstream connections",
            help: "Open ones; with `state=closed` closed ones, newest first.",
            parameters: CommonParameters.page + [
                CommonParameters.origin,
                .query("state", .choice(ConnectionQuery.states), "Only those in this state."),
            ],
            success: .init(status: 200, help: "A page of connections.", content: .json(Page<ConnectionReport>.self)),
            problems: [404, 503]
        ) { call in
            var query = ConnectionQuery()
            query.page = call.page
            query.origin = call.text("origin")
            query.state = call.text("state")
            return .json(try await call.backend.connections(query))
        },
        Operation(
            verb: .get, path: Paths.connection, name: "getConnection", summary: "One connection, also after its end",
            parameters: [number],
            success: .init(status: 200, help: "The connection.", content: .json(ConnectionReport.self)),
            problems: [404, 503]
        ) { .json(try await $0.backend.connection(UInt64($0.integer("number") ?? 0))) },
        Operation(
            verb: .delete, path: Paths.connection, name: "closeConnection", summary: "Close a connection",
            parameters: [
                number,
                .query(
                    "force", .flag, "Close it immediately; otherwise one in use closes when its exchange ends.",
                    standard: false),
                CommonParameters.reason,
            ],
            success: .init(
                status: 200, help: "The current state of the connection.", content: .json(ConnectionReport.self)),
            problems: [404, 409, 503]
        ) { call in
            .json(
                try await call.backend.closeConnection(
                    UInt64(call.integer("number") ?? 0), force: call.flag("force") ?? false, actor: call.actor,
                    reason: call.text("reason")))
        },
        Operation(
            verb: .post, path: Paths.action, name: "performAction", summary: "Act on the pool of an origin, or on all",
            help: """
                `drain` ends connections as they fall idle, `reconnect` replaces them, `prewarm` dials until \
                `count` are idle (it needs `origin` and `count`), `pause` stops granting connections, `resume` grants them again.
                """,
            parameters: [
                .path("action", .choice(ActionRequest.Action.allCases.map(\.rawValue)), "What to do.")
            ],
            body: .init(
                type: ActionRequest.self, longest: 256 << 10,
                example: ["origin": "http://example.com", "count": 4, "reason": "before the rush"]),
            success: .init(status: 200, help: "What was done.", content: .json(ActionReport.self)),
            problems: [404, 409, 503]
        ) { call in
            guard let action = call.text("action").flatMap(ActionRequest.Action.init(rawValue:)) else {
                throw Problem(404, "there is no such action")
            }
            let request = try call.content(ActionRequest.self)
            try check(action, request)
            return .json(try await call.backend.perform(action, request, actor: call.actor))
        },
    ]

    private static let number = Parameter.path("number", .integer(0...Int.max), "The connection's number.", example: 1)

    private static func check(_ action: ActionRequest.Action, _ request: ActionRequest) throws {
        var problems: [FieldProblem] = []
        if action == .prewarm {
            if request.origin == nil { problems.append(.init(pointer: "/origin", detail: "is needed for prewarm")) }
            if request.count == nil { problems.append(.init(pointer: "/count", detail: "is needed for prewarm")) }
        } else if request.count != nil {
            problems.append(.init(pointer: "/count", detail: "is for prewarm only"))
        }
        if !problems.isEmpty { throw Problem(fields: problems) }
    }
}
