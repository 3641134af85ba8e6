import GRDB
package import Metering
package import ProxyTypes
package import Tuning

/// Reads of stored data, each bounded; newest first except history. They throw while the database cannot be read.
extension Store {
    /// Of one origin, or summed over all. Times in milliseconds since 1970, UTC; at most `maxPoints` points.
    package func history(
        of origin: Origin?, from: Int64, to: Int64, maxPoints: Int
    ) async throws(StoreFailure) -> History {
        let plan = History.Plan(from: from, to: to, maxPoints: maxPoints, now: clock().wall, retention: retention)
        return try await read { db in
            var history = History(resolution: plan.resolution, step: plan.step)
            let id = try origin.map { try OriginRecords.id(of: $0, db) } ?? RollupRecords.allTogether
            guard let id else { return history }
            try RollupRecords.each(of: id, plan.resolution, buckets: plan.buckets, db) { bucket, rollup in
                let time = plan.time(of: bucket)
                if let last = history.points.indices.last, history.points[last].time == time {
                    history.points[last].rollup += rollup
                } else {
                    history.points.append(HistoryPoint(time: time, rollup: rollup))
                }
            }
            return history
        }
    }

    /// `before`: `next` of the previous page. At most 1,000 rows.
    package func closedConnections(
        origin: Origin? = nil, before: Int64? = nil, limit: Int
    ) async throws(StoreFailure) -> RecordPage<ConnectionRecord> {
        try await read { db in
            var filter = RowFilter(before: before, limit: limit)
            filter.require("o.name", equals: origin?.description)
            return try ConnectionRecords.page(filter, db)
        }
    }

    /// A closed one.
    package func connection(number: UInt64) async throws(StoreFailure) -> ConnectionRecord? {
        try await read { db in
            var filter = RowFilter(before: nil, limit: 1)
            filter.require("c.number", equals: Int64(bitPattern: number))
            return try ConnectionRecords.page(filter, db).rows.first?.record
        }
    }

    package func exchanges(
        origin: Origin? = nil, outcome: ExchangeDetail.Outcome? = nil, raced: Bool = false, before: Int64? = nil,
        limit: Int
    ) async throws(StoreFailure) -> RecordPage<ExchangeDetail> {
        try await read { db in
            var filter = RowFilter(before: before, limit: limit)
            filter.require("o.name", equals: origin?.description)
            filter.require("e.outcome", equals: outcome?.rawValue)
            if raced { try filter.requireValue("race_idle", of: "exchanges", as: "e.", db) }
            return try ExchangeRecords.page(filter, db)
        }
    }

    package func exchange(id: Int64) async throws(StoreFailure) -> ExchangeDetail? {
        try await read { db in
            var filter = RowFilter(before: nil, limit: 1)
            filter.require("e.id", equals: id)
            return try ExchangeRecords.page(filter, db).rows.first?.record
        }
    }

    /// Of one subject (a pattern, an origin, a number, `*`), of one setting, or of all.
    package func audit(
        subject: String? = nil, setting: Setting? = nil, before: Int64? = nil, limit: Int
    ) async throws(StoreFailure) -> RecordPage<AuditEntry> {
        try await read { db in
            var filter = RowFilter(before: before, limit: limit)
            filter.require("subject", in: subject.map(AuditRecords.subjects))
            filter.require("setting", equals: setting?.name)
            return try AuditRecords.page(filter, db)
        }
    }
}
