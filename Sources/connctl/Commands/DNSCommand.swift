import AdminClient
import AdminModels
import ArgumentParser

struct DNSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns",
        abstract: "Shows names and their addresses, how long they hold and who uses them; flushes them, or asks again.",
        discussion: """
            connctl dns
            connctl dns api.example.com
            connctl dns -o wide                                    with the origins behind each name
            connctl dns --watch                                    live; q quits
            connctl dns --refresh api.example.com                  looks it up now
            connctl dns --flush api.example.com --reason "moved"
            connctl dns --flush --all

            When an address leaves the answer, connections to it serve no new request and are closed within ten seconds, \
            busy ones when their exchange ends. Names of open connections are looked up shortly before they expire. While \
            DNS is silent or fails, addresses serve on for dns_serve_stale.

            STATE is fresh, stale (expired, may still serve), expired, absent (no such name, or no address), failed \
            (DNS gave no answer) or unknown (to be looked up). ADDRESSES that still have connections but have left the \
            name are marked with left.
            """)

    @Argument(help: ArgumentHelp("Only this name.", valueName: "name"))
    var name: String?

    @Flag(help: "Forget a name, or with --all every name.")
    var flush = false

    @Flag(help: "Look the name up now.")
    var refresh = false

    @Flag(help: "With --flush: every name.")
    var all = false

    @Option(help: "With --flush or --refresh: the reason, shown in the audit trail.")
    var reason: String?

    @Flag(help: "Show it live; q quits. Without a terminal it prints and exits.")
    var watch = false

    @Option(help: ArgumentHelp("With --watch: seconds between updates, 1 to 3600.", valueName: "seconds"))
    var interval = 1

    @Option(
        help: ArgumentHelp(
            "With --watch: exit after this many updates. Default without a terminal: 1.", valueName: "count"))
    var count: Int?

    @Option(help: ArgumentHelp("Show only the first so many names, 1 to 10000.", valueName: "count"))
    var limit = 1000

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try Limits.check(limit)
        guard [flush, refresh, watch].count(where: { $0 }) < 2 else {
            throw ValidationError("Give one of --flush, --refresh and --watch.")
        }
        guard (1...3600).contains(interval) else { throw ValidationError("--interval must be 1 to 3600 seconds.") }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more.") }
        guard watch || count == nil && interval == 1 else {
            throw ValidationError("--interval and --count are for --watch: connctl dns --watch --interval 5")
        }
        if flush, (name != nil) == all {
            throw ValidationError("Give a name or --all: connctl dns --flush api.example.com")
        }
        if refresh, name == nil { throw ValidationError("Give a name: connctl dns --refresh api.example.com") }
        if all, !flush { throw ValidationError("--all is for --flush: connctl dns --flush --all") }
        if reason != nil, !flush, !refresh {
            throw ValidationError("--reason is for --flush and --refresh: connctl dns --flush api.example.com")
        }
    }

    mutating func run() async throws {
        let command = self
        try await Session.run(global) { session in
            if command.flush {
                try await command.flushNames(session)
            } else if command.refresh {
                try await command.refreshName(session)
            } else {
                try await command.show(session)
            }
        }
    }

    private func flushNames(_ session: Session) async throws {
        let answer = try await session.client.flushNames(name, reason: reason)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        let count = answer.content.flushed
        output.line(
            count == 0
                ? "There was nothing to flush: `connctl dns` lists the names."
                : "\(Formatting.plural(count, "name")) flushed: looked up at the next use, with connections at once.")
    }

    private func refreshName(_ session: Session) async throws {
        guard let name else { return }
        let answer = try await session.client.refreshName(NameRefreshRequest(name: name, reason: reason))
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        output.line("\(SafeText.line(name)) is being looked up: connctl dns \(SafeText.line(name))")
    }

    private func show(_ session: Session) async throws {
        let (client, output, limit, name) = (session.client, session.output, limit, name)
        if output.isJSON {
            guard !watch else {
                throw CommandFailure(
                    "dns --watch has no JSON", status: .usage, next: ["connctl dns -o json    repeatedly"])
            }
            let (resolver, names) = try await Self.ask(client, name, limit)
            return output.json(DNSText.document(resolver: resolver.body, names: names.body))
        }
        let isWide = output.isWide
        let view = LiveView(output: output, interval: interval) { () throws(AdminFailure) in
            let (resolver, names) = try await Self.ask(client, name, limit)
            return DNSText.lines(
                name == nil ? resolver.content : nil, names.items, isCut: names.isCut, isWide: isWide)
        }
        guard !watch else { return try await view.run(count: count) }
        output.lines(try await view.sample()(output.width, output.screen.hasColor, output.screen.hasUnicode))
    }

    private static func ask(
        _ client: AdminClient, _ name: String?, _ limit: Int
    ) async throws(AdminFailure) -> (AdminAnswer<DNSReport>, Listing<NameReport>) {
        let resolver = try await client.dns()
        let names = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
            try await client.names(page, name: name)
        }
        return (resolver, names)
    }
}

/// Names and the resolver as text. Pure.
enum DNSText {
    static func document(resolver: [UInt8], names: [UInt8]) -> [UInt8] {
        Array(#"{"resolver":"#.utf8) + trimmed(resolver) + Array(#","names":"#.utf8) + trimmed(names)
            + Array("}".utf8)
    }

    private static func trimmed(_ json: [UInt8]) -> ArraySlice<UInt8> {
        json[...(json.lastIndex { $0 != UInt8(ascii: "\n") } ?? json.endIndex - 1)]
    }

    /// `resolver`: nil where one name was asked for.
    static func lines(
        _ resolver: DNSReport?, _ names: [NameReport], isCut: Bool, isWide: Bool
    ) -> LiveView.Drawing {
        { columns, color, unicode in
            var lines = resolver.map { heading($0) + [""] } ?? []
            lines = lines.map { line in
                columns.map { DisplayWidth.cut(line, to: $0, sign: unicode ? "…" : "~") } ?? line
            }
            guard !names.isEmpty else {
                let what = resolver == nil ? "This name is not in the cache: it" : "No names yet: a name"
                return lines + [what + " is looked up when a request needs it."]
            }
            lines += table(names, isWide: isWide).lines(width: columns, color: color, unicode: unicode)
            return lines + errors(names) + (isCut ? ["… more: --limit 10000 shows all"] : [])
        }
    }

    static func heading(_ report: DNSReport) -> [String] {
        var lines: [String] = []
        let servers = report.servers.isEmpty ? "none" : report.servers.map(SafeText.line).joined(separator: ", ")
        var first = "DNS servers: \(servers)"
        if !report.search.isEmpty {
            first += "; search: \(report.search.map(SafeText.line).joined(separator: ", ")) (ndots \(report.ndots))"
        }
        lines.append(first)
        let lookups = report.lookups.values.reduce(0, +)
        let uses = report.uses.values.reduce(0, +)
        let cached = (report.uses["fresh"] ?? 0) + (report.uses["stale"] ?? 0) + (report.uses["negative"] ?? 0)
        var second = "\(Formatting.plural(lookups, "look-up"))"
        if report.lookupTime.count > 0 {
            second +=
                ", mean \(Formatting.duration(ms: report.lookupTime.meanMs))"
                + ", p99 \(Formatting.duration(ms: report.lookupTime.p99Ms))"
        }
        second += "; \(Formatting.count(cached)) of \(Formatting.count(uses)) dials served from the cache"
        lines.append(second)
        let failed = (report.lookups["failed"] ?? 0) + (report.lookups["timed_out"] ?? 0)
        let stale = report.uses["stale"] ?? 0
        if failed + stale > 0 {
            lines.append(
                "! \(Formatting.plural(failed, "look-up")) failed or timed out, \(Formatting.count(stale)) dials used "
                    + "expired addresses meanwhile")
        }
        if let failure = report.failure { lines.append("! DNS cannot be asked: \(SafeText.line(failure))") }
        if report.ipv6Broken { lines.append("! IPv6 does not work on this network: its addresses are tried last") }
        if !report.failingAddresses.isEmpty {
            let list = report.failingAddresses.prefix(5).map { SafeText.line($0.address) }.joined(separator: ", ")
            let more = report.failingAddresses.count > 5 ? ", …" : ""
            lines.append("! tried last, as they failed lately: \(list)\(more)")
        }
        return lines
    }

    static func table(_ names: [NameReport], isWide: Bool) -> Table {
        var columns: [Table.Column] = [
            .flexible("NAME"), "STATE", .number("TTL"), .number("EXPIRES"), "SOURCE", .number("CONNS"),
            .flexible("ADDRESSES"),
        ]
        if isWide { columns += [.number("AGE"), .number("REFRESH"), "RESOLVER", .flexible("ORIGINS")] }
        var table = Table(columns)
        for name in names {
            let connections = name.addresses.reduce(0) { $0 + $1.connections }
            var cells: [Table.Cell] = [
                .init(name.name), .init(name.isLookedUp ? "\(name.state), asking" : name.state, style(name.state)),
                .init(duration(name.ttlMs)), .init(duration(name.expiresInMs)), .init(name.source ?? ""),
                .init(Formatting.count(connections)), .init(addresses(name)),
            ]
            if isWide {
                cells += [
                    .init(duration(name.ageMs)), .init(duration(name.refreshInMs)), .init(name.resolver),
                    .init(name.origins.joined(separator: " ")),
                ]
            }
            table.add(cells)
        }
        return table
    }

    /// With its connections where there are several addresses; one that has left the name with `left`.
    private static func addresses(_ name: NameReport) -> String {
        name.addresses.map { address in
            var text = address.address
            if address.connections > 0, name.addresses.count > 1 { text += " (\(address.connections))" }
            if !address.isCurrent { text += " left" }
            return text
        }.joined(separator: " ")
    }

    static func errors(_ names: [NameReport]) -> [String] {
        names.prefix(20).compactMap { name in
            name.error.map { "! \(SafeText.line(name.name)): \(SafeText.line($0))" }
        }
    }

    private static func style(_ state: String) -> TextStyle {
        switch state {
        case "fresh": .plain
        case "stale", "expired", "unknown": .warning
        default: .bad
        }
    }

    private static func duration(_ milliseconds: Int64?) -> String {
        milliseconds.map { Formatting.duration(ms: Double(max($0, 0))) } ?? ""
    }
}
