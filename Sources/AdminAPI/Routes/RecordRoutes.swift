import AdminModels

/// History, exchanges, audit trail and events. No state.
enum RecordRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.history, name: "getHistory", summary: "Time series, for charts",
            parameters: [
                CommonParameters.origin,
                .query(
                    "from", .time, "RFC 3339, a time ago, or milliseconds since 1970; else an hour before `to`.",
                    example: "-1h"),
                .query("to", .time, "The same; else now.", example: "2025-01-31T12:00:00Z"),
                .query("points", .integer(HistoryQuery.points), "How many points at most.", standard: 120),
            ],
            success: .init(status: 200, help: "The points.", content: .json(HistoryReport.self)), problems: [404, 503]
        ) { call in
            var query = HistoryQuery()
            query.origin = call.text("origin")
            query.from = call.time("from")
            query.to = call.time("to")
            query.points = call.integer("points") ?? query.points
            if let from = query.from, from >= query.to ?? call.now {
                throw Problem(fields: [
                    FieldProblem(pointer: "?from", detail: "must be before `to`, which is now unless given")
                ])
            }
            return .json(try await call.backend.history(query))
        },
        Operation(
            verb: .get, path: Paths.exchanges, name: "listExchanges",
            summary: "Slow and failed exchanges, newest first",
            parameters: CommonParameters.page + [
                CommonParameters.origin,
                .query("outcome", .choice(ExchangeQuery.outcomes), "Only those that ended so."),
                .query("raced", .flag, "Only those that have lost the keep-alive race."),
            ],
            success: .init(status: 200, help: "A page of exchanges.", content: .json(Page<ExchangeReport>.self)),
            problems: [404, 503]
        ) { call in
            var query = ExchangeQuery()
            query.page = call.page
            query.origin = call.text("origin")
            query.outcome = call.text("outcome")
            query.raced = call.flag("raced") ?? false
            return .json(try await call.backend.exchanges(query))
        },
        Operation(
            verb: .get, path: Paths.exchange, name: "getExchange", summary: "One exchange and where its time went",
            parameters: [.path("id", .integer(0...Int.max), "The exchange's id.", example: 1)],
            success: .init(status: 200, help: "The exchange.", content: .json(ExchangeReport.self)),
            problems: [404, 503]
        ) { .json(try await $0.backend.exchange(Int64($0.integer("id") ?? 0))) },
        Operation(
            verb: .get, path: Paths.audit, name: "listAudit", summary: "Who changed what, newest first",
            parameters: CommonParameters.page + [
                .query(
                    "subject", .text(longest: BodyLimits.origin),
                    "Only changes to this pattern, origin or connection; `*`: to all origins, and to connd itself.",
                    example: "*")
            ],
            success: .init(status: 200, help: "A page of the audit trail.", content: .json(Page<AuditReport>.self)),
            problems: [404, 503]
        ) { call in
            var query = AuditQuery()
            query.page = call.page
            query.subject = call.text("subject")
            return .json(try await call.backend.audit(query))
        },
        Operation(
            verb: .get, path: Paths.events, name: "streamEvents", summary: "Events, as they happen",
            help:
                "Server-Sent Events, each an `EventReport`. `Last-Event-ID` goes before `after`. A comment every 15 s.",
            parameters: [
                .query("after", .integer(0...Int.max), "Resume after this id."),
                Parameter(
                    name: "Last-Event-ID", location: .header, kind: .integer(0...Int.max), help: "Resume after this id."
                ),
            ],
            success: .init(status: 200, help: "The stream.", content: .events), problems: [503]
        ) { call in
            .events(await call.backend.events(after: try lastEvent(call)))
        },
    ]

    private static func lastEvent(_ call: AdminCall) throws -> UInt64? {
        guard let field = call.headers.combined("Last-Event-ID") else { return call.integer("after").map(UInt64.init) }
        guard let id = UInt64(field), id <= Int.max, field.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw Problem(
                fields: [FieldProblem(pointer: "Last-Event-ID", detail: "must be an id that this stream gave")])
        }
        return id
    }
}
