import AdminClient
import AdminModels
import ArgumentParser

struct ConnsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conns",
        abstract: "Lists upstream connections: open ones, or closed ones with the reason.",
        discussion: """
            connctl conns
            connctl conns example.com --state idle
            connctl conns --state closed --limit 50
            """)

    @Argument(help: "Only connections to this origin.", completion: .custom(Completion.origins))
    var origin: String?

    @Option(
        help: ArgumentHelp(
            "Only connections in this state: \(ConnectionQuery.states.joined(separator: ", ")).", valueName: "state"),
        completion: .list(ConnectionQuery.states))
    var state: String?

    @Option(help: ArgumentHelp("At most this many, 1 to 10000. Default for closed ones: 100.", valueName: "count"))
    var limit: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let limit { try Limits.check(limit) }
        guard let state, !ConnectionQuery.states.contains(state) else { return }
        throw ValidationError(
            "--state must be one of \(ConnectionQuery.states.joined(separator: ", ")), not '\(state)'.")
    }

    mutating func run() async throws {
        let (text, state) = (origin, state)
        let limit = limit ?? (state == "closed" ? PageRequest.standardLimit : Limits.most)
        try await Session.run(global) { session in
            var base = ConnectionQuery()
            if let text { base.origin = try await session.originOrAll(text) }
            base.state = state
            let (query, client) = (base, session.client)
            let listing = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
                var query = query
                query.page = page
                return try await client.connections(query)
            }
            let output = session.output
            if output.isJSON { return output.json(listing.body) }
            guard !listing.items.isEmpty else { return output.line("No \(state ?? "live") connections.") }
            output.table(
                state == "closed"
                    ? ConnectionTable.ended(listing.items, isWide: output.isWide, now: session.now)
                    : ConnectionTable.living(listing.items, isWide: output.isWide))
            if listing.isCut { output.line("… more: raise --limit", .dim) }
        }
    }
}

/// Connections as rows. Pure.
enum ConnectionTable {
    static func living(_ connections: [ConnectionReport], isWide: Bool) -> Table {
        var columns: [Table.Column] = [
            .number("NUMBER"), "STATE", .flexible("ORIGIN"), .number("AGE"), .number("IDLE"), .number("REQUESTS"),
            .number("RTT"), "REMOTE",
        ]
        if isWide {
            columns += [
                "LOCAL", "CAUSE", .number("SENT"), .number("RECEIVED"), .number("LEAST RTT"), .number("CWND"),
                .number("SSTHRESH"), .number("SEGMENTS"), .number("RETRANS"), .number("UNACKED"), .number("HEARD"),
                .number("CONNECT"), "TLS",
            ]
        }
        var table = Table(columns)
        for connection in connections {
            var cells: [Table.Cell] = [
                .init("\(connection.number)"), .init(state(connection), style(connection.state)),
                .init(connection.origin), .init(connection.age), .init(connection.idle ?? Formatting.none),
                .init(Formatting.count(connection.requests)), .init(Formatting.duration(ms: connection.tcp?.rttMs)),
                .init(connection.remote ?? Formatting.none),
            ]
            if isWide {
                cells += [
                    .init(connection.local ?? Formatting.none), .init(connection.cause),
                    .init(Formatting.size(connection.bytesSent)), .init(Formatting.size(connection.bytesReceived)),
                ]
                cells += kernel(connection.tcp)
                cells += [
                    .init(Formatting.duration(ms: connection.connectMs)), tls(connection.tls),
                ]
            }
            table.add(cells)
        }
        return table
    }

    static func ended(_ connections: [ConnectionReport], isWide: Bool, now: Int64) -> Table {
        var columns: [Table.Column] = [
            .number("NUMBER"), .flexible("ORIGIN"), .number("ENDED"), "REASON", "BY", .number("AGE"),
            .number("REQUESTS"),
        ]
        if isWide { columns += ["LOCAL", "REMOTE", "CAUSE", .number("SENT"), .number("RECEIVED"), "TLS"] }
        var table = Table(columns)
        for connection in connections {
            var cells: [Table.Cell] = [
                .init("\(connection.number)"), .init(connection.origin),
                .init(Formatting.ago(connection.closedMs, now: now)), .init(connection.reason ?? Formatting.none),
                .init(connection.closedBy ?? Formatting.none), .init(connection.age),
                .init(Formatting.count(connection.requests)),
            ]
            if isWide {
                cells += [
                    .init(connection.local ?? Formatting.none), .init(connection.remote ?? Formatting.none),
                    .init(connection.cause), .init(Formatting.size(connection.bytesSent)),
                    .init(Formatting.size(connection.bytesReceived)), tls(connection.tls),
                ]
            }
            table.add(cells)
        }
        return table
    }

    private static func kernel(_ tcp: TCPReport?) -> [Table.Cell] {
        guard let tcp else { return Array(repeating: .init(Formatting.none), count: 7) }
        return [
            .init(Formatting.duration(ms: tcp.minRttMs)), .init("\(tcp.congestionWindow)"),
            .init(tcp.slowStartThreshold > 0 ? "\(tcp.slowStartThreshold)" : Formatting.none),
            .init(Formatting.count(tcp.segmentsSent)),
            .init("\(tcp.retransmits)", tcp.retransmits > 0 ? .warning : .plain),
            .init("\(tcp.unacknowledged)", tcp.backoff > 0 ? .bad : .plain),
            .init(Formatting.duration(ms: Double(tcp.sinceAcknowledgedMs))),
        ]
    }

    private static func tls(_ tls: TLSReport?) -> Table.Cell {
        guard let tls else { return .init(Formatting.none) }
        let text = tls.resumed ? "\(tls.version) resumed" : tls.version
        return tls.verified ? .init(text) : .init("\(text) UNVERIFIED", .bad)
    }

    /// Includes the owner, even while it is busy.
    private static func state(_ connection: ConnectionReport) -> String {
        connection.pinnedTo.map { "\(connection.state), client \($0)" } ?? connection.state
    }

    private static func style(_ state: String) -> TextStyle {
        switch state {
        case "leased", "tunnel": .good
        case "dialing", "distrusted", "parked", "draining", "closing": .warning
        default: .plain
        }
    }
}
