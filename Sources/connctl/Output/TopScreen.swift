import AdminModels
import ArgumentParser

/// What `top` shows of two samples: rates between them, and the state at the later one. Value.
struct TopScreen {
    /// The origins and the status at one time. Value.
    struct Sample {
        var status: StatusReport
        var origins: [OriginSummary]
        /// Milliseconds.
        var time: Int64
    }

    enum Sort: String, CaseIterable, ExpressibleByArgument, Sendable {
        case rate, connections, waiting, errors, latency, origin

        var next: Sort {
            let all = Sort.allCases
            return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
        }
    }

    var before: Sample
    var after: Sample
    var sort: Sort

    private struct Row {
        var origin: OriginSummary
        var rate: Double
        var errors: Double
        var bytes: Double
    }

    /// Nil for `rows`, `columns`: all.
    func lines(columns: Int?, rows: Int?, color: Bool, unicode: Bool) -> [String] {
        // On a narrow terminal, the origins' names take precedence.
        let isNarrow = columns.map { $0 < 110 } ?? false
        var headings: [Table.Column] = [
            .flexible("ORIGIN"), .number("REQ/S"), .number("ERR/S"), .number("CONNS"), .number("WAIT"),
            .number("REUSE"), .number("P99"),
        ]
        if !isNarrow {
            headings += [.number("BYTES/S"), .number("LEASED"), .number("IDLE"), .number("TTFB P50"), "SET"]
        }
        var table = Table(headings)
        for row in sorted {
            let (origin, counts) = (row.origin, row.origin.connections)
            var cells: [Table.Cell] = [
                .init(origin.origin), .init(Formatting.short(row.rate), row.rate > 0 ? .bold : .dim),
                .init(Formatting.short(row.errors), row.errors > 0 ? .bad : .dim),
                .init("\(counts.live)/\(origin.maxConnections)"),
                .init("\(counts.waiting)", counts.waiting > 0 ? .warning : .dim),
                .init(Formatting.share(origin.reuseRatio)), .init(Formatting.duration(ms: origin.firstByteP99Ms)),
            ]
            if !isNarrow {
                cells += [
                    .init(Formatting.size(Int(row.bytes))), .init("\(counts.leased)"), .init("\(counts.idle)"),
                    .init(Formatting.duration(ms: origin.firstByteP50Ms)), .init(OriginTable.marks(origin)),
                ]
            }
            table.add(cells)
        }
        let all = heading(columns, unicode) + table.lines(width: columns, color: color, unicode: unicode)
        return rows.map { Array(all.prefix(max($0 - 1, 1))) } ?? all
    }

    private func heading(_ columns: Int?, _ unicode: Bool) -> [String] {
        let (status, totals) = (after.status, after.status.totals)
        let requests = rate(totals.requests, before.status.totals.requests)
        let counts = status.connections
        let lines = [
            "connd \(status.version), up \(status.uptime): \(Formatting.short(requests)) requests/s, "
                + "\(Formatting.plural(status.clients, "client")), \(Formatting.plural(status.origins, "origin")), "
                + "\(Formatting.plural(counts.live, "connection")), \(counts.waiting) waiting, "
                + "database \(status.store.state)",
            "sorted by \(sort.rawValue) (s: by \(sort.next.rawValue), q: quit)", "",
        ]
        return lines.map { line in
            let line = SafeText.line(line)
            return columns.map { DisplayWidth.cut(line, to: $0, sign: unicode ? "…" : "~") } ?? line
        }
    }

    /// Counters that fall were reset by a restart between the samples, so there is no rate.
    private func rate(_ now: Int, _ then: Int) -> Double {
        let seconds = Double(after.time - before.time) / 1000
        return seconds > 0 && now >= then ? Double(now - then) / seconds : 0
    }

    private var sorted: [Row] {
        let earlier = Dictionary(before.origins.map { ($0.origin, $0) }, uniquingKeysWith: { first, _ in first })
        let rows = after.origins.map { origin in
            // An origin that is missing from the earlier sample had served nothing by then, or nothing recently.
            let then = earlier[origin.origin] ?? origin
            return Row(
                origin: origin, rate: rate(origin.requests, then.requests), errors: rate(origin.errors, then.errors),
                bytes: rate(
                    origin.bytesSent + origin.bytesReceived, then.bytesSent + then.bytesReceived))
        }
        return rows.sorted { a, b in
            let (first, second) = (key(a), key(b))
            return first == second || sort == .origin ? a.origin.origin < b.origin.origin : first > second
        }
    }

    private func key(_ row: Row) -> Double {
        switch sort {
        case .rate: row.rate
        case .connections: Double(row.origin.connections.live)
        case .waiting: Double(row.origin.connections.waiting)
        case .errors: row.errors
        case .latency: row.origin.firstByteP99Ms ?? 0
        case .origin: 0
        }
    }
}
