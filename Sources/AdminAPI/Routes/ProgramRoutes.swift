import AdminModels

/// The programs behind clients' connections. No state.
enum ProgramRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.programs, name: "getPrograms", summary: "Programs behind clients' connections",
            help: """
                What each program of the host has asked for since connd was started: requests, connections, errors, and its \
                busiest origins. Programs of a systemd service are counted together, others by executable and user.
                """,
            success: .init(status: 200, help: "The programs.", content: .json(ProgramsReport.self))
        ) { .json(await $0.backend.programs()) }
    ]
}
