/// Counts of rows that never reached the database. Value.
package struct DroppedRows: Hashable, Sendable {
    /// Entries of a batch (one for each origin), or rows of a roll-up.
    package var statistics = 0
    package var closedConnections = 0
    package var exchanges = 0

    package init() {}

    package var total: Int { statistics + closedConnections + exchanges }

    static func += (a: inout DroppedRows, b: DroppedRows) {
        a.statistics += b.statistics
        a.closedConnections += b.closedConnections
        a.exchanges += b.exchanges
    }
}

/// The health of the database, for status, readiness and metrics. Value; times in milliseconds since 1970, UTC.
package struct StoreHealth: Hashable, Sendable {
    package let path: String
    /// False in memory: settings are lost when the process ends.
    package let isDurable: Bool
    /// Nil while there is no fault.
    package internal(set) var failure: StoreFailure?
    /// When the current state, failing or not, began.
    package internal(set) var since: Int64
    package internal(set) var lastWrite: Int64?
    /// The file and its write-ahead log.
    package internal(set) var bytes: Int64 = 0
    package internal(set) var schemaVersion = 0
    /// Rows to be written.
    package internal(set) var pending = 0
    package internal(set) var dropped = DroppedRows()
    /// How often writing resumed after a fault.
    package internal(set) var recoveries = 0

    package var isFailing: Bool { failure != nil }
}
