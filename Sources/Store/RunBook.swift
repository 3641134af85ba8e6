import ProxyTypes

/// A run of connd as it is kept. Value; times in milliseconds since 1970, UTC.
struct StoredRun: Hashable, Sendable {
    let number: Int64
    let version: String
    let startedAt: Int64
    /// Nil where the run could not write it.
    var endedAt: Int64?
    /// A word of `RunEnd`; nil until it is known.
    var ending: String?
    var detail: String?
}

/// Numbers this run, decides how the one before ended, and counts that end once: when this run begins. Value; it reads
/// and writes nothing, and is written whole, so that writing it again is right whatever file it goes to.
struct RunBook: Hashable, Sendable {
    private struct Beginning: Hashable {
        let version: String
        let seen: RunEnd?
        let detail: String?
        let time: Int64
    }

    /// Words of `RunEnd`, or such as only a later version knows.
    var endings: [String: Int] = [:]
    /// The last one that was kept, and after the beginning the one before this.
    var previous: StoredRun?
    private(set) var current: StoredRun?
    /// Whether the database has yet to be told.
    var isDirty = false
    private var waiting: Beginning?
    private(set) var previousEnd: RunEnd?

    var counts: [RunEnd: Int] {
        Dictionary(endings.map { (RunEnd(rawValue: $0.key) ?? .unknown, $0.value) }, uniquingKeysWith: +)
    }

    /// Without the database it is not known which run came before: then it waits for `take`.
    mutating func begin(version: String, seen: (end: RunEnd, detail: String)?, now: Int64, isLoaded: Bool) {
        guard current == nil, waiting == nil else { return }
        previousEnd = seen?.end
        waiting = Beginning(version: version, seen: seen?.end, detail: seen?.detail, time: now)
        if isLoaded { begin() }
    }

    /// What a database says that was read for the first time.
    mutating func take(_ found: RunBook) {
        endings = found.endings
        previous = found.previous
        begin()
    }

    mutating func end(now: Int64) {
        guard current != nil else { return }
        current?.endedAt = now
        current?.ending = RunEnd.stopped.rawValue
        isDirty = true
    }

    private mutating func begin() {
        guard let beginning = waiting else { return }
        waiting = nil
        isDirty = true
        if previous != nil || beginning.seen != nil {
            let ending = Self.ending(written: previous?.ending, seen: beginning.seen)
            previous?.ending = ending
            if ending == beginning.seen?.rawValue { previous?.detail = beginning.detail }
            endings[ending, default: 0] += 1
            previousEnd = RunEnd(rawValue: ending) ?? .unknown
        }
        current = StoredRun(
            number: (previous?.number ?? 0) + 1, version: beginning.version, startedAt: beginning.time)
    }

    /// What was seen from outside came later than what the run wrote of itself: one that had stopped in order may still
    /// have been killed for taking too long. Only what says no more gives way.
    private static func ending(written: String?, seen: RunEnd?) -> String {
        switch seen {
        case nil, .unknown, .stopped: written ?? (seen ?? .unknown).rawValue
        case .some(let seen): seen.rawValue
        }
    }
}
