import AdminClient
import AdminModels

/// Programs as text. No state.
enum ProgramsText {
    static func show(_ client: AdminClient, _ output: Output, interval: Int, count: Int?) async throws {
        if output.isJSON { return output.json(try await client.programs().body) }
        let isWide = output.isWide
        let view = LiveView(output: output, interval: interval) { () throws(AdminFailure) in
            lines(try await client.programs().content, isWide: isWide)
        }
        try await view.run(count: count)
    }

    static func lines(_ report: ProgramsReport, isWide: Bool) -> LiveView.Drawing {
        { columns, color, unicode in
            let cut = { (line: String) in
                columns.map { DisplayWidth.cut(line, to: $0, sign: unicode ? "…" : "~") } ?? line
            }
            guard report.enabled else {
                return [cut("Connections are not attributed to programs: proxy.client_programs is off.")]
            }
            let notes = notes(report.attribution).map(cut)
            guard !report.programs.isEmpty else { return ["No program has connected since connd was started."] + notes }
            return table(report, isWide: isWide).lines(width: columns, color: color, unicode: unicode) + notes
        }
    }

    private static func table(_ report: ProgramsReport, isWide: Bool) -> Table {
        var columns: [Table.Column] = [
            .flexible("PROGRAM"), "USER", .number("REQUESTS"), .number("CONNS"), .number("CONNS/MIN"), .number("OPEN"),
            .number("ERRORS"), .flexible("BUSIEST ORIGIN"), .number("ITS CONNS/MIN"),
        ]
        if isWide {
            columns += [.number("PID"), .flexible("EXECUTABLE"), .flexible("UNIT"), .flexible("MORE ORIGINS")]
        }
        var table = Table(columns)
        for program in report.programs {
            let busiest = program.origins.first
            var cells: [Table.Cell] = [
                .init(program.program, program.kind == "unknown" || program.kind == "user" ? .dim : .bold),
                .init(user(program)), .init(Formatting.count(program.requests)),
                .init(Formatting.count(program.connections)), .init(Formatting.short(program.connectionsPerMinute)),
                .init(Formatting.count(program.open)),
                .init(Formatting.count(program.errors), program.errors > 0 ? .bad : .dim),
                .init(busiest?.origin ?? Formatting.none),
                .init(busiest.map { Formatting.short($0.connectionsPerMinute) } ?? Formatting.none),
            ]
            if isWide {
                let more = program.origins.dropFirst().map {
                    "\($0.origin) (\(Formatting.short($0.connectionsPerMinute))/min)"
                }
                cells += [
                    .init(program.pid.map { "\($0)" } ?? Formatting.none), .init(program.executable ?? Formatting.none),
                    .init(program.unit ?? Formatting.none), .init(more.joined(separator: ", ")),
                ]
            }
            table.add(cells)
        }
        return table
    }

    /// As id(1) writes it.
    private static func user(_ program: ProgramReport) -> String {
        program.uid.map { uid in program.user.map { "\(uid)(\($0))" } ?? "\(uid)" } ?? Formatting.none
    }

    /// Why connections have no program.
    private static func notes(_ counts: AttributionReport) -> [String] {
        let all = [
            (counts.userOnly, "of users whose processes connd may not look at"),
            (counts.processNotFound, "whose process was not found"), (counts.gone, "closed before connd asked"),
            (counts.remote, "of other hosts or network namespaces"), (counts.tooMany, "beyond what can be looked up"),
            (counts.failed, "of which the kernel tells nothing"), (counts.waiting, "still looked up"),
        ]
        let known = all.filter { $0.0 > 0 }.map { "\(Formatting.count($0.0)) \($0.1)" }
        let assumed =
            counts.assumed > 0
            ? ", \(Formatting.count(counts.assumed)) more to the only program that was connecting when they were gone"
            : ""
        guard !known.isEmpty || counts.assumed > 0 else { return [] }
        return [
            "",
            "\(Formatting.plural(counts.found, "connection")) attributed\(assumed)"
                + (known.isEmpty ? "" : "; not: " + known.joined(separator: ", ")),
        ]
    }
}
