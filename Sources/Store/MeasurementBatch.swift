package import Metering

/// What happened since the batch before. Value.
package struct MeasurementBatch: Sendable {
    /// When it ended: milliseconds since 1970, UTC. It is counted in the buckets that hold this time.
    package var time: Int64
    /// Figures since the last batch; gauges as they stand.
    package var figures: [OriginSnapshot] = []
    package var closed: [ConnectionRecord] = []
    package var exchanges: [ExchangeDetail] = []
    /// Lost before they came here.
    package var droppedClosed = 0
    package var droppedExchanges = 0

    package init(time: Int64) {
        self.time = time
    }

    var isEmpty: Bool {
        figures.isEmpty && closed.isEmpty && exchanges.isEmpty && droppedClosed == 0 && droppedExchanges == 0
    }

    var rows: Int { figures.count + closed.count + exchanges.count }
}

/// Batches on their way to the writer, bounded: when the writer hangs, what comes is dropped and counted. Value.
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
            dropped.figures += batch.figures.count
            dropped.closedConnections += batch.closed.count
            dropped.exchanges += batch.exchanges.count
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
