import AdminClient
import AdminModels
import ArgumentParser

struct CloseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Closes one upstream connection, when its exchange ends or immediately.",
        discussion: """
            connctl close 4711
            connctl close 4711 --force      interrupts its exchange
            """)

    @Argument(help: "The connection's number, from `connctl conns`.")
    var connection: UInt64

    @Flag(help: "Do not wait for its exchange to end.")
    var force = false

    @Option(help: "The reason, shown in the audit trail.")
    var reason: String?

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let (number, force, reason) = (connection, force, reason)
        try await Session.run(global) { session in
            session.about(.connection)
            let answer = try await session.client.closeConnection(number, force: force, reason: reason)
            if session.output.isJSON { return session.output.json(answer.body) }
            let report = answer.content
            let isOver = report.state == "closed" || report.state == "closing"
            session.output.line(
                isOver
                    ? "connection \(number) to \(report.origin) is closed"
                    : "connection \(number) to \(report.origin) closes when its exchange ends (--force: at once)")
        }
    }
}
