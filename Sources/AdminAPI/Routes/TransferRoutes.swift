import AdminModels

/// Export and import, configuration and reload. No state.
enum TransferRoutes {
    private static let databaseType = "application/vnd.sqlite3"

    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.export, name: "exportSettings", summary: "All overrides as a document",
            success: .init(status: 200, help: "What `import` takes.", content: .json(SettingsDocument.self))
        ) { .json(await $0.backend.export()) },
        Operation(
            verb: .post, path: Paths.import, name: "importSettings", summary: "Set what a document says",
            help: "All overrides are applied or none; importing the same document again changes nothing.",
            parameters: [
                .query("dry_run", .flag, "Report what would change, without changing anything.", standard: false),
                .query("replace", .flag, "Remove overrides that the document does not contain.", standard: false),
                CommonParameters.reason,
            ],
            body: .init(
                type: SettingsDocument.self, longest: 4 << 20,
                example: [
                    "format": "connd-settings", "format_version": 1,
                    "overrides": [["pattern": "*.example.com", "setting": "max_connections", "value": "8"]],
                ]),
            success: .init(status: 200, help: "What changed, or would.", content: .json(ImportReport.self)),
            problems: [409, 503], isRevisioned: true
        ) { call in
            let (report, revision) = try await call.backend.importSettings(
                call.content(SettingsDocument.self), replace: call.flag("replace") ?? false,
                dryRun: call.flag("dry_run") ?? false, actor: call.actor, reason: call.text("reason"),
                ifRevision: call.expectedRevision())
            return .json(report, revision: revision)
        },
        Operation(
            verb: .post, path: Paths.backup, name: "backUp", summary: "The database, as one file",
            help:
                "A consistent, checked copy, made with SQLite's backup API while connd runs. It holds everything that "
                + "connd keeps, so only callers who may change settings get it.",
            success: .init(status: 200, help: "An SQLite database.", content: .bytes(databaseType)), problems: [503]
        ) { .bytes(try await $0.backend.backUp(actor: $0.actor), type: databaseType) },
        Operation(
            verb: .get, path: Paths.config, name: "getConfig", summary: "The configuration in force, as YAML",
            success: .init(status: 200, help: "The configuration.", content: .json(ConfigReport.self))
        ) { .json(await $0.backend.config()) },
        Operation(
            verb: .post, path: Paths.reload, name: "reloadConfig", summary: "Read the configuration file again",
            success: .init(status: 200, help: "What changed.", content: .json(ReloadReportModel.self)),
            problems: [409, 503]
        ) { .json(try await $0.backend.reload(actor: $0.actor)) },
    ]
}
