/// One point of a chart. Value.
package struct HistoryPoint: Hashable, Sendable {
    /// Its start: milliseconds since 1970, UTC.
    package let time: Int64
    package internal(set) var rollup: Rollup
}

/// The roll-ups of a time range, as points of a chart. Value; times in milliseconds.
package struct History: Hashable, Sendable {
    /// The resolution of the rows that were read.
    package let resolution: RollupResolution
    /// The width of each point, which is one row or several adjacent rows.
    package let step: Int64
    /// Oldest first. There is no point where nothing was recorded, nor for an origin that was not among the busiest
    /// (`Retention`).
    package internal(set) var points: [HistoryPoint] = []

    /// Which rows answer a query, and how many make a point: the shortest step that needs no more than `maxPoints`,
    /// from the coarsest rows that allow it, among those that are kept back to `from`.
    struct Plan: Equatable {
        let resolution: RollupResolution
        /// Rows in each point.
        let rows: Int64
        let buckets: ClosedRange<Int64>

        init(from: Int64, to: Int64, maxPoints: Int, now: Int64, retention: Retention) {
            let oldest = now - retention.hour.age
            let start = min(max(from, oldest, 0), max(to, 0))
            // Nothing is recorded of the future; an hour is allowed for clock differences.
            let end = max(start, min(to, now + RollupResolution.hour.width))
            let points = Int64(max(maxPoints, 1))
            var best: (resolution: RollupResolution, rows: Int64, step: Int64) = (.hour, 1, .max)
            for resolution in RollupResolution.allCases {
                guard resolution == .hour || start >= now - retention[resolution].age else { continue }
                let rows = Self.rows(from: start / resolution.width, to: end / resolution.width, points: points)
                let step = rows * resolution.width
                if step <= best.step { best = (resolution, rows, step) }
            }
            resolution = best.resolution
            rows = best.rows
            let (first, last) = (start / best.resolution.width, end / best.resolution.width)
            // Points begin at multiples of their step, so that they are the same when the query is repeated later, and
            // complete: a partial point at the edge would look like a dip.
            buckets = points == 1 ? first...last : (first / rows * rows)...((last / rows + 1) * rows - 1)
        }

        var step: Int64 { rows * resolution.width }

        /// The start of the point that holds a bucket, in milliseconds.
        func time(of bucket: Int64) -> Int64 {
            (buckets.lowerBound + (bucket - buckets.lowerBound) / rows * rows) * resolution.width
        }

        /// The fewest rows per point that make no more than `points`, wherever the edges fall.
        private static func rows(from first: Int64, to last: Int64, points: Int64) -> Int64 {
            guard points > 1 else { return last - first + 1 }
            let most = max(1, (last - first + points - 2) / (points - 1))
            var rows = max(1, (last - first) / points)
            while rows < most, last / rows - first / rows + 1 > points { rows += 1 }
            return rows
        }
    }
}
