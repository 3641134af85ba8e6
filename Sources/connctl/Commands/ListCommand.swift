import AdminClient
import AdminModels
import ArgumentParser

extension OriginQuery.Sort: ExpressibleByArgument {}

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the origins that connd knows, with their traffic, latency and errors.",
        discussion: """
            connctl list
            connctl list --sort errors --limit 10
            connctl list --filter example.com -o wide

            REACHED says how clients reach the origin: pooled, tunnelled (CONNECT), intercepted, or spliced, which is \
            tunnelled although intercept is on, with the most frequent reason. connd(8) explains the reasons.
            """)

    @Option(help: "Sort by this, largest first (`origin`: by name).")
    var sort = OriginQuery.Sort.requests

    @Flag(help: "Reverse the order.")
    var reverse = false

    @Option(help: ArgumentHelp("Only origins whose name contains this.", valueName: "text"))
    var filter: String?

    @Option(help: ArgumentHelp("Show only the first so many, 1 to 10000.", valueName: "count"))
    var limit = 1000

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try Limits.check(limit)
    }

    mutating func run() async throws {
        let (sort, reverse, filter, limit) = (sort, reverse, filter, limit)
        try await Session.run(global) { session in
            let client = session.client
            let listing = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
                var query = OriginQuery()
                query.page = page
                query.sort = sort
                if reverse { query.ascending = sort != .origin }
                query.filter = filter
                return try await client.origins(query)
            }
            let output = session.output
            if output.isJSON { return output.json(listing.body) }
            guard !listing.items.isEmpty else {
                return output.line(
                    filter.map { "No origin's name contains `\($0)`: connctl list shows all." }
                        ?? "No origins yet: send a request through connd, as `connctl env` says.")
            }
            output.table(OriginTable.table(listing.items, isWide: output.isWide, now: session.now))
            for line in OriginTable.advice(listing.items) { output.line(line) }
            if listing.isCut { output.line("… more: --limit 10000 shows all", .dim) }
        }
    }
}

/// The limit of lines in a list.
enum Limits {
    static let most = 10_000

    static func check(_ limit: Int) throws {
        guard (1...most).contains(limit) else { throw ValidationError("--limit must be 1 to \(most), not \(limit).") }
    }
}

/// Origins as rows. Pure.
enum OriginTable {
    static func table(_ origins: [OriginSummary], isWide: Bool, now: Int64) -> Table {
        var columns: [Table.Column] = [
            .flexible("ORIGIN"), .number("CONNS"), .number("IDLE"), .number("LEASED"), .number("WAIT"),
            .number("REQUESTS"), .number("ERRORS"), .number("REUSE"), .number("TTFB P50"), .number("P99"), "REACHED",
            "SET",
        ]
        if isWide {
            columns += [
                .number("QUEUE P99"), .number("TOTAL P99"), .number("SENT"), .number("RECEIVED"), .number("OPENED"),
                .number("STALE"), .number("LAST USED"),
            ]
        }
        var table = Table(columns)
        for origin in origins {
            let counts = origin.connections
            var cells: [Table.Cell] = [
                .init(origin.origin), .init("\(counts.live)/\(origin.maxConnections)"), .init("\(counts.idle)"),
                .init("\(counts.leased)"), .init("\(counts.waiting)", counts.waiting > 0 ? .warning : .plain),
                .init(Formatting.count(origin.requests)),
                .init(Formatting.count(origin.errors), origin.errors > 0 ? .bad : .plain),
                .init(Formatting.share(origin.reuseRatio)), .init(Formatting.duration(ms: origin.firstByteP50Ms)),
                .init(Formatting.duration(ms: origin.firstByteP99Ms)),
                .init(reached(origin), origin.reached == "spliced" ? .warning : .plain),
                .init(marks(origin), .warning),
            ]
            if isWide {
                cells += [
                    .init(Formatting.duration(ms: origin.queueP99Ms)),
                    .init(Formatting.duration(ms: origin.totalP99Ms)),
                    .init(Formatting.size(origin.bytesSent)), .init(Formatting.size(origin.bytesReceived)),
                    .init(Formatting.count(origin.opened)), .init(Formatting.count(origin.staleSurfaced)),
                    .init(Formatting.ago(origin.lastUsedMs, now: now)),
                ]
            }
            table.add(cells)
        }
        return table
    }

    /// How the connections of origins that only tunnels reach could be shared: the command for the busiest of those shown.
    static func advice(_ origins: [OriginSummary]) -> [String] {
        let found = origins.filter { $0.tunnelsOnly && $0.gateways.isEmpty && $0.originatedFrom.isEmpty }
        guard let first = found.max(by: { $0.connections.tunnels < $1.connections.tunnels }) else { return [] }
        let count =
            found.count == 1 ? "Only tunnels reach \(first.origin)" : "Only tunnels reach \(found.count) origins"
        // The second-level domain; an address has none.
        let host = OriginName.host(first.origin)
        let isName = host.last?.isLetter ?? false
        let name = isName ? host.split(separator: ".").dropLast().last.map(String.init) ?? host : "name"
        return [
            "\(count), so connections are not shared. Programs that take a base URL can share them: "
                + "connctl gateway add \(name) \(first.origin)"
        ]
    }

    /// How clients reach it, and why it is tunnelled where it should not be.
    static func reached(_ origin: OriginSummary) -> String {
        guard origin.reached == "spliced", let reason = origin.splicedBecause else { return origin.reached ?? "" }
        return "spliced: \(reason)"
    }

    static func marks(_ origin: OriginSummary) -> String {
        var words: [String] = []
        if origin.paused { words.append("paused") }
        if origin.unverified { words.append("unverified") }
        if !origin.gateways.isEmpty { words.append("gateway \(origin.gateways.joined(separator: " "))") }
        if !origin.originatedFrom.isEmpty { words.append("originated") }
        if origin.overrides > 0 { words.append(Formatting.plural(origin.overrides, "override")) }
        if origin.trials > 0 { words.append(Formatting.plural(origin.trials, "trial")) }
        return words.joined(separator: ", ")
    }
}
