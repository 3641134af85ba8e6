/// How much is stored, and for how long: all bounds of the database and of its memory. Value.
///
/// The database stays bounded however many origins there are, since a bucket keeps rows of its busiest origins and one
/// of all together. With rows of 290 bytes, which is what origins of thousands of requests with widely spread times
/// need, in MiB:
///
///     10 s       720 buckets × (20 + 1) rows       15,120 rows     4.2
///     1 min    2,880 buckets × (20 + 1) rows       60,480 rows    16.7
///     1 h        744 buckets × (50 + 1) rows       37,944 rows    10.5
///     closed connections 10,000 × 150 bytes, exchanges 5,000 × 250,
///     audit 20,000 × 120, lifetimes 5,000 × 210, runs 1,000 × 80   6.1
///     the write-ahead log, at most                                 4.0
///     after a month                                               41.5
///     1 h, thinned: 8,856 buckets × (10 + 1) rows  97,416 rows    27.0    more, after 400 days
package struct Retention: Hashable, Sendable {
    package struct Rollups: Hashable, Sendable {
        /// Milliseconds.
        package var age: Int64
        /// Rows for the busiest origins of each bucket; the others are only in the sum over all.
        package var origins: Int
    }

    package var tenSeconds = Rollups(age: 2 * Self.hour, origins: 20)
    package var minute = Rollups(age: 2 * Self.day, origins: 20)
    package var hour = Rollups(age: 400 * Self.day, origins: 50)
    /// Hours older than this keep fewer origins.
    package var thinning = Rollups(age: 31 * Self.day, origins: 10)

    package var closedConnections = 10_000
    package var closedConnectionAge = 7 * Self.day
    package var exchanges = 5_000
    package var exchangeAge = 7 * Self.day
    package var auditEntries = 20_000
    package var runs = 1_000
    package var runAge = 400 * Self.day
    /// Origins unseen for longest are dropped first.
    package var lifetimes = 20_000
    package var damagedFiles = 3

    /// Between two writes of measurements, in milliseconds.
    package var batchInterval: Int64 = 2_500
    /// Pending rows in memory while nothing can be written: finished buckets, closed connections, exchanges.
    package var pendingRollupRows = 5_000
    package var pendingClosedConnections = 5_000
    package var pendingExchanges = 2_000
    /// Batches waiting for the writer.
    package var inboxRows = 40_000

    /// One step of deletion: buckets of a roll-up, rows of a list, pages released. One step follows each batch.
    package var bucketsPerStep: Int64 = 60
    package var rowsPerStep: Int64 = 2_000
    package var pagesPerStep = 256
    /// Free pages that stay in the file for reuse.
    package var sparePages = 128
    /// Pages in the write-ahead log that trigger a checkpoint.
    package var checkpointPages = 500
    package var maxLogBytes = 4 << 20

    package static let standard = Retention()

    package init() {}

    package subscript(resolution: RollupResolution) -> Rollups {
        switch resolution {
        case .tenSeconds: tenSeconds
        case .minute: minute
        case .hour: hour
        }
    }

    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 24 * hour
}
