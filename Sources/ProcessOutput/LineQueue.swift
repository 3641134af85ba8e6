/// Lines that wait for the thread that writes them. Decides what is dropped: where there is no room, the newest, until
/// the writer has taken the others; so each gap is one, and in its place among the lines that are kept. Value, pure.
///
/// At most two batches are held: the one that is being written, and the one that fills up meanwhile.
struct LineQueue: Sendable {
    /// What the writer takes at once.
    struct Batch: Hashable, Sendable {
        /// How many lines were dropped right before the first of these.
        var lostBefore = 0
        var bytes: [UInt8] = []
        /// Where each line ends.
        var ends: [Int] = []

        var isEmpty: Bool { ends.isEmpty && lostBefore == 0 }
    }

    private let limit: LineLimit
    private var pending = Batch()
    /// Dropped since `pending` had no more room.
    private var droppedAfter = 0

    init(limit: LineLimit) {
        self.limit = limit
    }

    /// Lines that have not been taken.
    var count: Int { pending.ends.count }

    /// Adds the line that `append` writes at the end of what it is given. False where it was dropped.
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

    /// Nil where nothing waits, not even the news of a loss.
    mutating func take() -> Batch? {
        guard !pending.isEmpty || droppedAfter > 0 else { return nil }
        if pending.isEmpty { swap(&pending.lostBefore, &droppedAfter) }
        let taken = pending
        pending = Batch(lostBefore: droppedAfter)
        droppedAfter = 0
        return taken
    }
}

/// How much may wait to be written. Value.
package struct LineLimit: Hashable, Sendable {
    package let bytes: Int
    package let lines: Int

    package init(bytes: Int, lines: Int) {
        self.bytes = bytes
        self.lines = lines
    }
}
