import Metering
import ProxyTypes

/// One bucket in memory: its rows, and which of them are not written yet. Value.
///
/// After a restart the bucket may exist in the database already; its rows are then added once (`seed`), before any row
/// is written.
struct RollupBucket: Sendable {
    /// Its start divided by its width.
    let number: Int64
    private(set) var origins: [Origin: Rollup] = [:]
    private(set) var all = Rollup()
    private(set) var isSeeded = false
    private var dirty: Set<Origin> = []
    private var isAllDirty = false
    /// The origins that have a row in the database.
    private var written: Set<Origin> = []

    init(number: Int64) {
        self.number = number
    }

    /// What a write of this bucket changes.
    struct Change {
        var puts: [Origin] = []
        var removals: [Origin] = []
        /// All origins that have a row afterwards.
        var written: Set<Origin> = []
    }

    var isDirty: Bool { isAllDirty || !dirty.isEmpty }
    var rows: Int { origins.count + 1 }

    mutating func add(_ parts: [(origin: Origin, rollup: Rollup)], all sum: Rollup) {
        for (origin, rollup) in parts {
            origins[origin, default: Rollup()] += rollup
            dirty.insert(origin)
        }
        all += sum
        isAllDirty = true
    }

    mutating func seed(_ kept: [(origin: Origin, rollup: Rollup)], all sum: Rollup?) {
        isSeeded = true
        for (origin, rollup) in kept {
            origins[origin, default: Rollup()] += rollup
            written.insert(origin)
        }
        if let sum { all += sum }
    }

    func change(keeping limit: Int) -> Change {
        let kept = busiest(limit)
        return Change(
            puts: kept.filter { dirty.contains($0) || !written.contains($0) },
            removals: written.subtracting(kept).sorted { $0.description < $1.description }, written: Set(kept))
    }

    mutating func wasWritten(_ change: Change) {
        written = change.written
        dirty = []
        isAllDirty = false
    }

    /// Drops origins that would not get a row.
    mutating func shrink(keeping limit: Int) {
        let kept = Set(busiest(limit))
        origins = origins.filter { kept.contains($0.key) || written.contains($0.key) }
        dirty.formIntersection(kept)
    }

    /// To be called for another file: everything is to be written; a new file has no rows to add first.
    mutating func forgetWritten(isNew: Bool) {
        if isNew { isSeeded = true }
        written = []
        dirty = Set(origins.keys)
        isAllDirty = true
    }

    mutating func forget(_ origin: Origin) {
        origins[origin] = nil
        dirty.remove(origin)
        written.remove(origin)
    }

    private func busiest(_ limit: Int) -> [Origin] {
        guard origins.count > limit else { return Array(origins.keys) }
        let ranked = origins.map { origin, rollup in
            (origin: origin, requests: rollup.counts.requests, other: rollup.counts[.opened] + rollup.peakConnections)
        }
        return
            ranked
            .sorted { ($0.requests, $0.other, $1.origin.host) > ($1.requests, $1.other, $0.origin.host) }
            .prefix(limit).map(\.origin)
    }
}

/// The buckets of one width: the open one, and finished ones that are not written yet. Value.
struct RollupSeries: Sendable {
    let resolution: RollupResolution
    private let limit: Int
    var finished: [RollupBucket] = []
    var open: RollupBucket?

    init(_ resolution: RollupResolution, keeping limit: Int) {
        self.resolution = resolution
        self.limit = limit
    }

    /// Rows to be written.
    var pendingRows: Int { finished.reduce(0) { $0 + $1.rows } }

    /// A time in another bucket, later or (after the clock was set back) earlier, opens that bucket.
    mutating func add(_ parts: [(origin: Origin, rollup: Rollup)], all: Rollup, time: Int64) {
        let number = time / resolution.width
        if open?.number != number { turn(to: number) }
        open?.add(parts, all: all)
    }

    private mutating func turn(to number: Int64) {
        if var last = open, last.isDirty {
            last.shrink(keeping: limit)
            finished.append(last)
        }
        if let index = finished.firstIndex(where: { $0.number == number }) {
            open = finished.remove(at: index)
        } else {
            open = RollupBucket(number: number)
        }
    }

    func change(of bucket: RollupBucket) -> RollupBucket.Change { bucket.change(keeping: limit) }

    /// Bounds memory with any number of origins: the busiest stay.
    mutating func shrinkOpen(above bound: Int) {
        if let count = open?.rows, count > bound { open?.shrink(keeping: limit) }
    }

    /// Drops rows beyond the bound, oldest bucket first, and returns how many.
    mutating func trim(to bound: Int) -> Int {
        var dropped = 0
        var rows = pendingRows
        while rows > bound, !finished.isEmpty {
            let gone = finished.removeFirst().rows
            rows -= gone
            dropped += gone
        }
        return dropped
    }

    mutating func forgetWritten(isNew: Bool) {
        for index in finished.indices { finished[index].forgetWritten(isNew: isNew) }
        open?.forgetWritten(isNew: isNew)
    }

    mutating func forget(_ origin: Origin) {
        for index in finished.indices { finished[index].forget(origin) }
        open?.forget(origin)
    }
}
