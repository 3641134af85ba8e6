import AdminClient
import AdminModels
import ArgumentParser

struct TLSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls",
        abstract: "Shows TLS handshakes with clients and origins, and which clients refuse connd's certificates.",
        discussion: """
            connctl tls
            connctl tls --forget api.example.com --reason "the CA is installed now"
            connctl tls --forget --all

            Where `intercept` is on, connd shows clients a certificate of its own. A client that refuses it twice within a day \
            within a day is tunnelled for a day, so that it works; --forget has it intercepted again from its next \
            CONNECT on. Usually it does not trust connd's certificate authority (connctl ca), or expects one \
            certificate of the host.
            """)

    @Flag(help: "Forget the refusals of a host, or with --all of every host.")
    var forget = false

    @Argument(help: ArgumentHelp("With --forget: the host, without scheme and port.", valueName: "host"))
    var host: String?

    @Flag(help: "With --forget: of every host.")
    var all = false

    @Option(help: "With --forget: the reason, shown in the audit trail.")
    var reason: String?

    @Option(help: ArgumentHelp("Show only the first so many of each, 1 to 10000.", valueName: "count"))
    var limit = 1000

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try Limits.check(limit)
        guard forget else {
            guard host == nil, !all, reason == nil else {
                throw ValidationError(
                    "A host, --all and --reason are for --forget: connctl tls --forget api.example.com")
            }
            return
        }
        guard (host != nil) != all else {
            throw ValidationError("Give a host or --all: connctl tls --forget api.example.com")
        }
    }

    mutating func run() async throws {
        let command = self
        try await Session.run(global) { session in
            if command.forget { try await command.forgetRefusals(session) } else { try await command.show(session) }
        }
    }

    private func forgetRefusals(_ session: Session) async throws {
        let answer = try await session.client.forgetRefusals(of: host.map(OriginName.host), reason: reason)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        let count = answer.content.forgotten
        output.line(
            count == 0
                ? "There was nothing to forget: `connctl tls` lists the refusals."
                : "\(Formatting.plural(count, "refusal")) forgotten: those clients are intercepted from their next CONNECT on."
        )
    }

    private func show(_ session: Session) async throws {
        let (client, limit) = (session.client, limit)
        let origins = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
            try await client.originTLS(page)
        }
        let refusals = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
            try await client.refusals(page)
        }
        let output = session.output
        if output.isJSON { return output.json(TLSText.document(origins: origins.body, refusals: refusals.body)) }
        if origins.items.isEmpty {
            output.line("No TLS handshakes yet, and no origin with intercept on.")
        } else {
            output.table(TLSText.handshakes(origins.items, isWide: output.isWide))
        }
        for line in TLSText.spliced(origins.items) { output.line(line, .warning) }
        output.line("")
        guard !refusals.items.isEmpty else { return output.line("No client refuses connd's certificates.") }
        output.table(TLSText.refusals(refusals.items, now: session.now, isWide: output.isWide))
        output.line("Intercept one again: connctl tls --forget \(SafeText.line(refusals.items[0].host))", .dim)
        if origins.isCut || refusals.isCut { output.line("… more: --limit 10000 shows all", .dim) }
    }
}

/// TLS on both sides as rows. Pure.
enum TLSText {
    static func document(origins: [UInt8], refusals: [UInt8]) -> [UInt8] {
        Array(#"{"origins":"#.utf8) + trimmed(origins) + Array(#","refusals":"#.utf8) + trimmed(refusals)
            + Array("}".utf8)
    }

    private static func trimmed(_ json: [UInt8]) -> ArraySlice<UInt8> {
        json[...(json.lastIndex { $0 != UInt8(ascii: "\n") } ?? json.endIndex - 1)]
    }

    static func handshakes(_ origins: [OriginTLSReport], isWide: Bool) -> Table {
        var columns: [Table.Column] = [
            .flexible("ORIGIN"), "INTERCEPT", .number("CLIENTS FULL"), .number("RESUMED"), .number("MEAN"),
            .number("P99"), .number("SPLICED"), .number("REFUSED"), .number("ORIGIN FULL"), .number("RESUMED"),
            .number("MEAN"), .number("P99"),
        ]
        if isWide {
            columns += [.number("FAILED"), .number("MISDIRECTED"), .number("ORIGIN FAILED"), .number("SAVED")]
        }
        var table = Table(columns)
        for origin in origins {
            let (clients, upstream) = (origin.clients, origin.upstream)
            let (spliced, failures) = (total(clients.spliced), total(upstream.failures))
            var cells: [Table.Cell] = [
                .init(origin.origin), .init(origin.intercept ? "on" : "off"), .init(Formatting.count(clients.full)),
                .init(Formatting.count(clients.resumed)), .init(mean(clients.handshakeTime)),
                .init(p99(clients.handshakeTime)), .init(Formatting.count(spliced), spliced > 0 ? .warning : .plain),
                .init(Formatting.count(clients.refused), clients.refused > 0 ? .bad : .plain),
                .init(Formatting.count(upstream.full)), .init(Formatting.count(upstream.resumed)),
                .init(mean(upstream.fullTime)), .init(p99(upstream.fullTime)),
            ]
            if isWide {
                cells += [
                    .init(Formatting.count(clients.failed), clients.failed > 0 ? .bad : .plain),
                    .init(Formatting.count(clients.misdirected)),
                    .init(Formatting.count(failures), failures > 0 ? .bad : .plain), .init(upstream.savedByResumption),
                ]
            }
            table.add(cells)
        }
        return table
    }

    /// For each origin that was tunnelled although it should be intercepted: why, the most frequent reason first.
    static func spliced(_ origins: [OriginTLSReport]) -> [String] {
        origins.filter { !$0.clients.spliced.isEmpty }.map { origin in
            let reasons = origin.clients.spliced.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            return "! \(SafeText.line(origin.origin)) was tunnelled: "
                + reasons.map { "\(Formatting.count($0.value)) \(SafeText.line($0.key))" }.joined(separator: ", ")
        }
    }

    static func refusals(_ refusals: [ClientRefusalReport], now: Int64, isWide: Bool) -> Table {
        var columns: [Table.Column] = [
            .flexible("HOST"), .flexible("CLIENT"), "REFUSED BY", .number("TIMES"), .number("LAST"), "SPLICED",
        ]
        if isWide { columns += [.number("FIRST"), "HELLO"] }
        var table = Table(columns)
        for refusal in refusals {
            let until = refusal.splicedUntilMs.map { "ends \(Formatting.ago($0, now: now))" }
            var cells: [Table.Cell] = [
                .init(refusal.host), .init(client(refusal)), .init(refusal.manner), .init("\(refusal.count)"),
                .init(Formatting.ago(refusal.lastMs, now: now)),
                .init(until ?? "not yet", until == nil ? .plain : .warning),
            ]
            if isWide { cells += [.init(Formatting.ago(refusal.firstMs, now: now)), .init(refusal.hello)] }
            table.add(cells)
        }
        return table
    }

    static func client(_ refusal: ClientRefusalReport) -> String {
        let user = refusal.user.map { "user \(refusal.userName ?? "\($0)")" }
        if let program = refusal.program { return user.map { "\(program) (\($0))" } ?? program }
        return user ?? refusal.address ?? "unknown"
    }

    private static func total(_ counts: [String: Int]) -> Int { counts.values.reduce(0, +) }

    private static func mean(_ time: Distribution) -> String {
        time.count == 0 ? "" : Formatting.duration(ms: time.meanMs)
    }

    private static func p99(_ time: Distribution) -> String {
        time.count == 0 ? "" : Formatting.duration(ms: time.p99Ms)
    }
}
