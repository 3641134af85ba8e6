import AdminClient
import AdminModels
import ArgumentParser

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Shows changes to connd, with who made them, when and why; the latest first.",
        discussion: """
            connctl audit
            connctl audit http://example.com --limit 20
            """)

    @Argument(
        help: "Only changes to this pattern, origin or connection.", completion: .custom(Completion.originsOrAll))
    var subject: String?

    @Option(help: ArgumentHelp("At most this many, 1 to 10000.", valueName: "count"))
    var limit = 50

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try Limits.check(limit)
    }

    mutating func run() async throws {
        let (subject, limit) = (subject.map { OriginName.pattern($0) }, limit)
        try await Session.run(global) { session in
            let client = session.client
            let listing = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
                var query = AuditQuery()
                query.page = page
                query.subject = subject
                return try await client.audit(query)
            }
            let output = session.output
            if output.isJSON { return output.json(listing.body) }
            guard !listing.items.isEmpty else { return output.line("No changes yet.") }
            output.table(AuditTable.table(listing.items))
            if listing.isCut { output.line("… more: raise --limit", .dim) }
        }
    }
}

/// The audit trail as rows. Pure.
enum AuditTable {
    static func table(_ entries: [AuditReport]) -> Table {
        var table = Table([
            "TIME", "BY", "ACTION", .flexible("ON"), "SETTING", "BEFORE", "AFTER", .flexible("REASON"),
        ])
        for entry in entries {
            table.add([
                .init(Formatting.time(entry.time)), .init(entry.actor), .init(entry.action),
                .init(entry.subject), .init(entry.setting ?? ""),
                .init(entry.before ?? ""), .init(entry.after ?? ""), .init(entry.reason ?? ""),
            ])
        }
        return table
    }
}
