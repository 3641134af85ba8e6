import AdminModels

/// What an origin's pool would do under other settings. No state.
enum WhatIfRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.whatIf, name: "getWhatIf",
            summary: "What an origin's pool would do under other settings",
            help: """
                Predicts reuse, new connections, sockets, waits and races from the traffic that was recorded, under the \
                settings in force and under those that the query names, each figure with its error. Changes nothing. \
                Refused with 409 while too little was seen.
                """,
            parameters: [CommonParameters.originSegment]
                + WhatIfQuery.names.map { name in
                    .query(
                        name, .text(longest: 100), "This value of the setting instead of the one in force.",
                        example: examples[name])
                },
            success: .init(status: 200, help: "The prediction.", content: .json(WhatIfReport.self)),
            problems: [404, 409]
        ) { call in
            var query = WhatIfQuery()
            for name in WhatIfQuery.names { query.settings[name] = call.text(name) }
            return .json(try await call.backend.whatIf(call.segment("origin"), query))
        }
    ]

    private static let examples: [String: JSONValue] = [
        "idle_timeout": "60s", "max_idle": "4", "max_connections": "8", "max_lifetime": "5m",
        "max_requests_per_connection": "100",
    ]
}
