import AdminModels

/// The settings: definitions, values, overrides, trials, differences. No state.
enum SettingsRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.definitions, name: "listDefinitions", summary: "The definitions of all settings",
            success: .init(
                status: 200, help: "All of them, in one page.", content: .json(Page<SettingDefinitionReport>.self))
        ) { call in
            let definitions = call.backend.definitions
            return .json(Page(items: definitions, total: definitions.count))
        },
        Operation(
            verb: .get, path: Paths.settings, name: "listPatterns", summary: "What is set, by pattern",
            success: .init(
                status: 200, help: "All patterns with settings, in one page.",
                content: .json(Page<PatternReport>.self)),
            isRevisioned: true
        ) { call in
            let (patterns, revision) = await call.backend.patterns()
            if call.isFresh(revision) { return .notModified(revision: revision) }
            return .json(Page(items: patterns, total: patterns.count), revision: revision)
        },
        Operation(
            verb: .get, path: Paths.setting, name: "getSettings",
            summary: "Every effective setting of a pattern or an origin, with its source",
            parameters: [CommonParameters.patternSegment],
            success: .init(status: 200, help: "The settings.", content: .json(SettingsReport.self)),
            problems: [404], isRevisioned: true
        ) { call in
            let (report, revision) = try await call.backend.settings(call.segment("pattern"))
            if call.isFresh(revision) { return .notModified(revision: revision) }
            return .json(report, revision: revision)
        },
        Operation(
            verb: .patch, path: Paths.setting, name: "patchSettings", summary: "Set or unset, for good or on trial",
            help:
                "All changes are made or none, durable before the response. `null` returns to the inherited value.",
            parameters: [CommonParameters.patternSegment],
            body: .init(
                type: SettingsPatch.self, longest: 256 << 10,
                example: [
                    "settings": ["max_connections": 2, "idle_timeout": "30s", "max_queue": .null],
                    "reason": "the origin is small", "try_for": "10m",
                ]),
            success: .init(status: 200, help: "The settings now in effect.", content: .json(SettingsReport.self)),
            problems: [404, 409, 503], isRevisioned: true
        ) { call in
            let (report, revision) = try await call.backend.patch(
                call.segment("pattern"), call.content(SettingsPatch.self), actor: call.actor,
                ifRevision: call.expectedRevision())
            return .json(report, revision: revision)
        },
        trial("confirm", Paths.confirm, "confirmTrial", "Keep what is on trial") {
            try await $0.confirm($1, $2, actor: $3, ifRevision: $4)
        },
        trial("revert", Paths.revert, "revertTrial", "End what is on trial") {
            try await $0.revert($1, $2, actor: $3, ifRevision: $4)
        },
        Operation(
            verb: .get, path: Paths.diff, name: "listDifferences",
            summary: "Overrides and trials, compared with the values that would apply without them",
            success: .init(status: 200, help: "All of them, in one page.", content: .json(Page<DifferenceReport>.self))
        ) { call in
            let differences = await call.backend.differences()
            return .json(Page(items: differences, total: differences.count))
        },
    ]

    private typealias Ending =
        @Sendable (any AdminBackend, String, TrialSelection, AdminActor, UInt64?) async throws -> (
            SettingsReport, revision: UInt64
        )

    private static func trial(
        _ verb: String, _ path: String, _ name: String, _ summary: String, _ end: @escaping Ending
    )
        -> Operation
    {
        Operation(
            verb: .post, path: path, name: name, summary: summary,
            help: "Without `settings`: all of the pattern's that are on trial.",
            parameters: [CommonParameters.patternSegment],
            body: .init(
                type: TrialSelection.self, longest: 256 << 10,
                example: ["settings": ["max_connections"], "reason": "\(verb)ed after a look at the figures"]),
            success: .init(status: 200, help: "The settings now in effect.", content: .json(SettingsReport.self)),
            problems: [404, 409, 503], isRevisioned: true
        ) { call in
            let (report, revision) = try await end(
                call.backend, call.segment("pattern"), call.content(TrialSelection.self), call.actor,
                call.expectedRevision())
            return .json(report, revision: revision)
        }
    }
}
