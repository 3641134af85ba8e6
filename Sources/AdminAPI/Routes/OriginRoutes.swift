import AdminModels

/// Listing, showing and forgetting origins. No state.
enum OriginRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.origins, name: "listOrigins", summary: "The origins that connd knows",
            parameters: CommonParameters.page + [
                .query(
                    "sort", .choice(OriginQuery.Sort.allCases.map(\.rawValue)), "What to sort by.",
                    standard: .text(OriginQuery.Sort.requests.rawValue)),
                .query("ascending", .flag, "Smallest first. True for `origin` and false for all else unless given."),
                .query(
                    "filter", .text(longest: BodyLimits.origin), "Part of the origin's name, in any case.",
                    example: "example.com"),
            ],
            success: .init(status: 200, help: "A page of origins.", content: .json(Page<OriginSummary>.self))
        ) { call in
            var query = OriginQuery()
            query.page = call.page
            query.sort = call.text("sort").flatMap(OriginQuery.Sort.init(rawValue:)) ?? .requests
            query.ascending = call.flag("ascending")
            query.filter = call.text("filter")
            return .json(try await call.backend.origins(query))
        },
        Operation(
            verb: .get, path: Paths.origin, name: "getOrigin", summary: "Everything that is known about an origin",
            parameters: [CommonParameters.originSegment],
            success: .init(status: 200, help: "The origin.", content: .json(OriginDetail.self)), problems: [404]
        ) { .json(try await $0.backend.origin($0.segment("origin"))) },
        Operation(
            verb: .delete, path: Paths.origin, name: "forgetOrigin", summary: "Delete an origin's measurements",
            help: "Its connections end; its settings stay.",
            parameters: [
                CommonParameters.originSegment,
                .query(
                    "learned", .flag,
                    "true: only what was learned of its idle limit; measurements and connections stay.",
                    standard: .flag(false)),
                CommonParameters.reason,
            ],
            success: .init(status: 204, help: "It is forgotten.", content: .nothing), problems: [404, 409, 503]
        ) { call in
            let (origin, reason) = (call.segment("origin"), call.text("reason"))
            if call.flag("learned") ?? false {
                try await call.backend.forgetLearned(origin, actor: call.actor, reason: reason)
            } else {
                try await call.backend.forget(origin, actor: call.actor, reason: reason)
            }
            return .nothing
        },
    ]
}

/// Parameters that several operations share.
enum CommonParameters {
    static let page: [Parameter] = [
        .query(
            "limit", .integer(PageRequest.limits), "How many items at most.",
            standard: .integer(PageRequest.standardLimit)),
        .query("cursor", .text(longest: 500), "The `next_cursor` of the previous page."),
    ]
    static let origin = Parameter.query(
        "origin", .text(longest: BodyLimits.origin), "Only of this origin.", example: "http://example.com")
    static let reason = Parameter.query("reason", .text(longest: BodyLimits.reason), "Why; kept in the audit trail.")
    static let originSegment = Parameter.path(
        "origin", .text(longest: BodyLimits.origin), "The origin, percent-encoded as one segment.",
        example: "http://example.com")
    static let patternSegment = Parameter.path(
        "pattern", .text(longest: BodyLimits.origin),
        "`*` for every origin, a host pattern, or an origin, percent-encoded as one segment.", example: "*.example.com")
}
