import AdminModels

/// Examinations of origins. No state.
enum DoctorRoutes {
    private static let bounds = """
        At most 150 small requests go to the origin, and 8 connections are open at once, within its limits and after its \
        own requests: an examination ends when requests wait for connections.
        """

    static let operations: [Operation] = [
        Operation(
            verb: .post, path: Paths.doctor, name: "examineOrigin", summary: "Examine an origin",
            help: """
                Measures whether it keeps connections, for how long and for how many requests, and how it takes pipelining, \
                half-closed connections and the like. `GET` shows how far it is. \(bounds)
                """,
            parameters: [CommonParameters.originSegment],
            body: .init(
                type: DoctorRequest.self, longest: 16 << 10,
                example: ["path": "/health", "wait": "75s", "reason": "a new balancer"]),
            success: .init(status: 202, help: "It has begun.", content: .json(DoctorReport.self)),
            problems: [404, 409, 503]
        ) { call in
            let report = try await call.backend.examine(
                call.segment("origin"), call.content(DoctorRequest.self), actor: call.actor)
            return .json(report, status: 202)
        },
        Operation(
            verb: .get, path: Paths.doctor, name: "getExamination", summary: "The examination of an origin",
            help: "The one that is under way, or else the last one since connd was started.",
            parameters: [CommonParameters.originSegment],
            success: .init(status: 200, help: "What was found so far.", content: .json(DoctorReport.self)),
            problems: [404]
        ) { .json(try await $0.backend.examination(of: $0.segment("origin"))) },
        Operation(
            verb: .delete, path: Paths.doctor, name: "stopExamination", summary: "Stop the examination of an origin",
            help: "Its connections are closed; what was found stays.",
            parameters: [CommonParameters.originSegment, CommonParameters.reason],
            success: .init(status: 200, help: "What was found until then.", content: .json(DoctorReport.self)),
            problems: [404]
        ) { call in
            .json(
                try await call.backend.stopExamination(
                    of: call.segment("origin"), actor: call.actor, reason: call.text("reason")))
        },
    ]
}
