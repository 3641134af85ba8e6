/// Lines that wait for the thread that writes them. When it is full, new lines are dropped until the writer has taken
/// the pending ones, so that lost lines form one gap at a known position. Value, pure.
///
/// Holds at most two batches: the one being written, and the one being filled.
struct LineQueue: Sendable {
    /// What the writer takes at a time.
    struct Batch: Hashable, Sendable {
        /// The number of lines dropped before the first of these.
        var lostBefore = 0
        var bytes: [UInt8] = []
        /// The offset in the bytes at which each line ends.
        var ends: [Int] = []

        var isEmpty: Bool { ends.isEmpty && lostBefore == 0 }
    }

    private let limit: LineLimit
    private var pending = Batch()
    /// Lines dropped since `pending` was full.
    private var droppedAfter = 0

    init(limit: LineLimit) {
        self.limit = limit
    }

    /// Lines that are not taken yet.
    var count: Int { pending.ends.count }

    /// Adds the line that `append` appends to the buffer. False if it was dropped.
    mutating func add(_ append: (inout [UInt8]) -> Void) -> Bool {
        guard droppedAfter == 0, pending.ends.count < limit.lines, pending.bytes.count < limit.bytes else {
            droppedAfter += 1
            return false
        }
        let start = pending.bytes.count
        append(&pending.bytes)
        guard pending.bytes.count <= limit.bytes else {
            pending.bytes.removeLast(pending.bytes.count - start)
            droppedAfter += 1
            return false
        }
        pending.ends.append(pending.bytes.count)
        return true
    }

    /// Nil if there is neither a line to write nor a loss to report.
    mutating func take() -> Batch? {
        guard !pending.isEmpty || droppedAfter > 0 else { return nil }
        if pending.isEmpty { swap(&pending.lostBefore, &droppedAfter) }
        let taken = pending
        pending = Batch(lostBefore: droppedAfter)
        droppedAfter = 0
        return taken
    }
}

/// The bounds of a batch. Value.
package struct LineLimit: Hashable, Sendable {
    package let bytes: Int
    package let lines: Int

    package init(bytes: Int, lines: Int) {
        self.bytes = bytes
        self.lines = lines
    }
}
