import AdminModels

/// Status, version, health and metrics. No state.
enum StatusRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.status, name: "getStatus", summary: "The state of the whole daemon",
            success: .init(status: 200, help: "The state of connd.", content: .json(StatusReport.self))
        ) { .json(await $0.backend.status()) },
        Operation(
            verb: .get, path: Paths.version, name: "getVersion", summary: "Versions of connd, the API and the database",
            success: .init(status: 200, help: "The versions.", content: .json(VersionReport.self))
        ) { .json($0.backend.version()) },
        Operation(
            verb: .get, path: Paths.health, name: "getHealth", summary: "Whether connd is alive",
            success: .init(status: 200, help: "It is.", content: .json(HealthReport.self)), mayBeUnready: true
        ) { health(await $0.backend.health()) },
        Operation(
            verb: .get, path: Paths.ready, name: "getReadiness",
            summary: "Whether connd accepts requests and stores measurements",
            help: "Not ready while it stops, while its database fails, and while clients wait to be accepted.",
            success: .init(status: 200, help: "It can.", content: .json(HealthReport.self)), mayBeUnready: true
        ) { health(await $0.backend.readiness()) },
        Operation(
            verb: .get, path: Paths.metrics, name: "getMetrics", summary: "All metrics for Prometheus",
            success: .init(
                status: 200, help: "Prometheus text format 0.0.4.",
                content: .text("text/plain; version=0.0.4; charset=utf-8"))
        ) { .text(await $0.backend.metrics(), type: "text/plain; version=0.0.4; charset=utf-8") },
        Operation(
            verb: .get, path: "/", name: "getResources", summary: "The main resources, to read",
            success: .init(status: 200, help: "One line each.", content: .text("text/plain; charset=utf-8"))
        ) { _ in .text(overview, type: "text/plain; charset=utf-8") },
    ]

    private static func health(_ report: HealthReport) -> AdminAnswer {
        .json(report, status: report.status == "ok" ? 200 : 503)
    }

    private static let overview = """
        connd admin API

        GET   \(Paths.status)              what runs, and how it fares
        GET   \(Paths.origins)             the origins and their figures
        GET   \(Paths.definitions)         the settings there are
        GET   \(Paths.settings)            what is set, for which origins
        PATCH \(Paths.setting)   set or unset; * is every origin
        GET   \(Paths.gateways)           the gateways; PUT and DELETE open and remove one
        GET   \(Paths.connections)         the upstream connections
        GET   \(Paths.ports)               the local ports that are left
        GET   \(Paths.programs)            which programs ask for what
        GET   \(Paths.exchanges)           slow and failed requests
        GET   \(Paths.history)             figures over time
        GET   \(Paths.events)              what happens, as it happens
        GET   \(Paths.metrics)                for Prometheus
        GET   \(ProxyAutoConfigRoutes.script)              for browsers: which URLs go through connd
        GET   \(Paths.openAPI)        all of it, described (OpenAPI 3.1)

        Or use connctl.

        """
}
