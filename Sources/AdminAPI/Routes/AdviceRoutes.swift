import AdminModels

/// Advice: what to change, and what came of it. No state.
enum AdviceRoutes {
    private static let id = Parameter.path(
        "id", .text(longest: BodyLimits.origin + BodyLimits.word),
        "The rule and the origin, percent-encoded as one segment.", example: "max_requests_low@http://example.com")

    private static let decision = Operation.Body(
        type: AdviceDecisionRequest.self, longest: 8 << 10, example: ["reason": "it fits what we see"])

    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.advice, name: "listAdvice", summary: "Advice on origins, and what came of it",
            help: "What waits for a decision comes first, then the latest.",
            parameters: CommonParameters.page + [
                CommonParameters.origin, .query("state", .choice(AdviceQuery.states), "Only in this state."),
            ],
            success: .init(status: 200, help: "A page of advice.", content: .json(Page<AdviceReport>.self)),
            problems: [404]
        ) { call in
            var query = AdviceQuery()
            query.page = call.page
            query.origin = call.text("origin")
            query.state = call.text("state")
            return .json(try await call.backend.advice(query))
        },
        Operation(
            verb: .post, path: Paths.advice, name: "lookForAdvice", summary: "Look at the origins now",
            help: """
                connd looks by itself every minute, at each origin every ten minutes. This looks at once, at whatever was \
                seen, and judges trials however short they were.
                """,
            success: .init(status: 200, help: "What was found.", content: .json(AdviceLookReport.self))
        ) { .json(await $0.backend.lookForAdvice()) },
        Operation(
            verb: .get, path: Paths.oneAdvice, name: "getAdvice", summary: "One piece of advice, with its evidence",
            parameters: [id], success: .init(status: 200, help: "The advice.", content: .json(AdviceReport.self)),
            problems: [404]
        ) { .json(try await $0.backend.advice($0.segment("id"))) },
        Operation(
            verb: .post, path: Paths.acceptAdvice, name: "acceptAdvice", summary: "Try what the advice says",
            help: """
                Sets an override as a trial. connd confirms it if the measured effect agrees with the prediction, and reverts \
                it otherwise.
                """,
            parameters: [id], body: decision,
            success: .init(status: 200, help: "The advice, on trial.", content: .json(AdviceReport.self)),
            problems: [404, 409, 503]
        ) { call in
            .json(
                try await call.backend.acceptAdvice(
                    call.segment("id"), actor: call.actor, reason: call.content(AdviceDecisionRequest.self).reason))
        },
        Operation(
            verb: .post, path: Paths.dismissAdvice, name: "dismissAdvice", summary: "Do not give this advice again",
            help: "It can be accepted later all the same.",
            parameters: [id], body: decision,
            success: .init(status: 200, help: "The advice, dismissed.", content: .json(AdviceReport.self)),
            problems: [404, 409]
        ) { call in
            .json(
                try await call.backend.dismissAdvice(
                    call.segment("id"), actor: call.actor, reason: call.content(AdviceDecisionRequest.self).reason))
        },
    ]
}
