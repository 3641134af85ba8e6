/// The programs behind clients' connections.
extension MetricNames {
    static let programs: [Metric<PageSubject>] = [
        .counter(
            "connd_program_requests_total",
            "Requests by program: a systemd service, else the file name of an executable, else the user."
                + " The first \(ProgramTable.mostSeries) programs have series, the rest is counted as other."
        ) { subject, out in write(subject, &out) { $0.requests } },
        .counter("connd_program_connections_total", "Clients' connections by the program that opened them.") {
            subject, out in write(subject, &out) { $0.connections }
        },
        .counter(
            "connd_program_errors_total", "Local replies of connd and responses cut short, by program."
        ) { subject, out in write(subject, &out) { $0.errors } },
        .gauge("connd_program_connected", "Clients' connections that are open now, by program.") { subject, out in
            write(subject, &out) { $0.open }
        },
        .counter(
            "connd_program_lookups_total",
            "Clients' connections by how the look-up of their program ended: found; assumed (gone, while one"
                + " program alone was connecting: counted as its own); user_only (connd may not look at"
                + " that user's processes); process_not_found (only the user is known); gone (closed before connd"
                + " asked); remote; too_many (at once); failed."
        ) { $1.counts($0.page.programs.attributions, by: "result", every: true) { $0.name } },
        .counter("connd_program_lookup_cpu_seconds_total", "CPU time of these look-ups, which are off the data loop.") {
            $1.seconds($0.page.programs.timeTaken)
        },
        .counter("connd_program_reports_dropped_total", "Connections whose requests were not counted by program.") {
            $1.value($0.page.programs.dropped)
        },
    ]

    private static func write(
        _ subject: PageSubject, _ out: inout SeriesWriter, _ value: (ProgramSeries) -> Int
    ) {
        for series in subject.page.programs.series { out.value(value(series), ("program", series.name)) }
    }
}
