/// A stretch of a chart. Value.
package struct HistoryPoint: Hashable, Sendable {
    /// Its start: milliseconds since 1970, UTC.
    package let time: Int64
    package internal(set) var rollup: Rollup
}

/// What roll-ups say of a time. Value; in milliseconds.
package struct History: Hashable, Sendable {
    /// How fine the rows are that were read.
    package let resolution: RollupResolution
    /// How long each point is: one row, or several neighbours.
    package let step: Int64
    /// Oldest first. A stretch in which nothing was recorded has no point; an origin is also left out of the rows in
    /// which it was not among the busiest (`Retention`).
    package internal(set) var points: [HistoryPoint] = []

    /// Which rows answer a question, and how many make a point: the shortest step that needs no more than `maxPoints`,
    /// of the coarsest rows that have it, among those that are kept back to `from`.
    struct Plan: Equatable {
        let resolution: RollupResolution
        /// Rows of a point.
        let rows: Int64
        let buckets: ClosedRange<Int64>

        init(from: Int64, to: Int64, maxPoints: Int, now: Int64, retention: Retention) {
            let oldest = now - retention.hour.age
            let start = min(max(from, oldest, 0), max(to, 0))
            // Nothing is recorded of the future; an hour more is for clocks that differ.
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
            // Points begin at multiples of their step, so that they stay what they are when the question is asked again
            // later, and are whole: a half one at the edge would look like a dip.
            buckets = points == 1 ? first...last : (first / rows * rows)...((last / rows + 1) * rows - 1)
        }

        var step: Int64 { rows * resolution.width }

        /// Of the point that holds a bucket: milliseconds.
        func time(of bucket: Int64) -> Int64 {
            (buckets.lowerBound + (bucket - buckets.lowerBound) / rows * rows) * resolution.width
        }

        /// The least that makes no more than `points`, wherever the edges fall; one point is all there is.
        private static func rows(from first: Int64, to last: Int64, points: Int64) -> Int64 {
            guard points > 1 else { return last - first + 1 }
            let most = max(1, (last - first + points - 2) / (points - 1))
            var rows = max(1, (last - first) / points)
            while rows < most, last / rows - first / rows + 1 > points { rows += 1 }
            return rows
        }
    }
}
