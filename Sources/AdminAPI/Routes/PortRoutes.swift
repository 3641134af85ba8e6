import AdminModels

/// Local ports. No state.
enum PortRoutes {
    static let operations: [Operation] = [
        Operation(
            verb: .get, path: Paths.ports, name: "getPorts", summary: "Local ports of connections to origins",
            help: """
                For each local address and each address and port that connd connects to: the connections of all programs of \
                the host, the local ports that are left, and how long they last. Counted when it is asked for.
                """,
            success: .init(status: 200, help: "The local ports.", content: .json(PortsReport.self)),
            problems: [503]
        ) { .json(try await $0.backend.ports()) }
    ]
}
