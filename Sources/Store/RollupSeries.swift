import Metering
import ProxyTypes

/// One bucket in memory: what its rows should be, and which of them the database does not have yet. Value.
///
/// After a restart the bucket may be in the database already; its rows are then added once (`seed`), before any is
/// written.
struct RollupBucket: Sendable {
    /// Its start divided by its width.
    let number: Int64
    private(set) var origins: [Origin: Rollup] = [:]
    private(set) var all = Rollup()
    private(set) var isSeeded = false
    private var dirty: Set<Origin> = []
    private var isAllDirty = false
    /// Which origins have a row.
    private var written: Set<Origin> = []

    init(number: Int64) {
        self.number = number
    }

    /// What a write of this bucket has to do.
    struct Change {
        var puts: [Origin] = []
        var removals: [Origin] = []
        /// All that have a row afterwards.
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

    /// What will get no row, as it stands, need not be held.
    mutating func shrink(keeping limit: Int) {
        let kept = Set(busiest(limit))
        origins = origins.filter { kept.contains($0.key) || written.contains($0.key) }
        dirty.formIntersection(kept)
    }

    /// The file is another one: all is to be written, as it is where the file is new and has no rows to add.
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

/// The buckets of one width: the one that is open, and those that are finished but not yet written. Value.
struct RollupSeries: Sendable {
    let resolution: RollupResolution
    private let limit: Int
    var finished: [RollupBucket] = []
    var open: RollupBucket?

    init(_ resolution: RollupResolution, keeping limit: Int) {
        self.resolution = resolution
        self.limit = limit
    }

    /// Rows that wait to be written.
    var pendingRows: Int { finished.reduce(0) { $0 + $1.rows } }

    /// A time in another bucket, later or (the clock was set back) earlier, opens that one.
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

    /// Origins without end must not fill the memory: the busiest stay.
    mutating func shrinkOpen(above bound: Int) {
        if let count = open?.rows, count > bound { open?.shrink(keeping: limit) }
    }

    /// How many rows were dropped, oldest bucket first, to hold no more than the bound.
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
