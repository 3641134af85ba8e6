import AdminModels
import ArgumentParser

/// What `top` shows of two looks at connd: rates between them, and how things stand at the later one. Value.
struct TopScreen {
    /// One look. Value.
    struct Look {
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

    var before: Look
    var after: Look
    var sort: Sort

    private struct Row {
        var origin: OriginSummary
        var rate: Double
        var errors: Double
        var bytes: Double
    }

    /// Nil for `rows`, `columns`: all.
    func lines(columns: Int?, rows: Int?, color: Bool, unicode: Bool) -> [String] {
        // Where there is no room for all, the origins' names come first.
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
                .init(origin.origin), .init(Units.short(row.rate), row.rate > 0 ? .bold : .dim),
                .init(Units.short(row.errors), row.errors > 0 ? .bad : .dim),
                .init("\(counts.live)/\(origin.maxConnections)"),
                .init("\(counts.waiting)", counts.waiting > 0 ? .warning : .dim),
                .init(Units.share(origin.reuseRatio)), .init(Units.duration(ms: origin.firstByteP99Ms)),
            ]
            if !isNarrow {
                cells += [
                    .init(Units.size(Int(row.bytes))), .init("\(counts.leased)"), .init("\(counts.idle)"),
                    .init(Units.duration(ms: origin.firstByteP50Ms)), .init(OriginTable.marks(origin)),
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
            "connd \(status.version), up \(status.uptime): \(Units.short(requests)) requests/s, "
                + "\(Units.plural(status.clients, "client")), \(Units.plural(status.origins, "origin")), "
                + "\(Units.plural(counts.live, "connection")), \(counts.waiting) waiting, "
                + "database \(status.store.state)",
            "sorted by \(sort.rawValue) (s: by \(sort.next.rawValue), q: quit)", "",
        ]
        return lines.map { line in
            let line = SafeText.line(line)
            return columns.map { DisplayWidth.cut(line, to: $0, sign: unicode ? "…" : "~") } ?? line
        }
    }

    /// A restart of connd between the looks makes counts fall: then there is no rate.
    private func rate(_ now: Int, _ then: Int) -> Double {
        let seconds = Double(after.time - before.time) / 1000
        return seconds > 0 && now >= then ? Double(now - then) / seconds : 0
    }

    private var sorted: [Row] {
        let earlier = Dictionary(before.origins.map { ($0.origin, $0) }, uniquingKeysWith: { first, _ in first })
        let rows = after.origins.map { origin in
            // One that was not in the earlier look had served nothing then, or nothing lately.
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
