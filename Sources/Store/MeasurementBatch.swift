package import Metering

/// What happened since the previous batch. Value.
package struct MeasurementBatch: Sendable {
    /// Its end in milliseconds since 1970, UTC, which determines the buckets it is counted in.
    package var time: Int64
    /// Counts since the previous batch; current gauges.
    package var statistics: [OriginSnapshot] = []
    package var closed: [ConnectionRecord] = []
    package var exchanges: [ExchangeDetail] = []
    /// As it is now.
    package var learned: [LearnedLimit] = []
    /// Lost before they reached the store.
    package var droppedClosed = 0
    package var droppedExchanges = 0

    package init(time: Int64) {
        self.time = time
    }

    var isEmpty: Bool {
        statistics.isEmpty && closed.isEmpty && exchanges.isEmpty && learned.isEmpty && droppedClosed == 0
            && droppedExchanges == 0
    }

    var rows: Int { statistics.count + closed.count + exchanges.count + learned.count }
}

/// Batches waiting for the writer, bounded: while the writer hangs, further ones are dropped and counted. Value.
struct Inbox: Sendable {
    private var batches: [MeasurementBatch] = []
    private(set) var rows = 0
    private var dropped = DroppedRows()
    private let maxRows: Int

    init(maxRows: Int) {
        self.maxRows = maxRows
    }

    mutating func put(_ batch: MeasurementBatch) {
        var batch = batch
        dropped.closedConnections += batch.droppedClosed
        dropped.exchanges += batch.droppedExchanges
        batch.droppedClosed = 0
        batch.droppedExchanges = 0
        guard !batch.isEmpty else { return }
        guard rows + batch.rows <= maxRows || batches.isEmpty else {
            dropped.statistics += batch.statistics.count
            dropped.closedConnections += batch.closed.count
            dropped.exchanges += batch.exchanges.count
            dropped.statistics += batch.learned.count
            return
        }
        rows += batch.rows
        batches.append(batch)
    }

    mutating func takeAll() -> (batches: [MeasurementBatch], dropped: DroppedRows) {
        defer {
            batches = []
            dropped = DroppedRows()
            rows = 0
        }
        return (batches, dropped)
    }
}
