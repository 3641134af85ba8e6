import ProxyTypes

/// A stored run of connd. Value; times in milliseconds since 1970, UTC.
struct StoredRun: Hashable, Sendable {
    let number: Int64
    let version: String
    let startedAt: Int64
    /// Nil where the run did not write it.
    var endedAt: Int64?
    /// The name of a `RunEnd`; nil until known.
    var ending: String?
    var detail: String?
}

/// Numbers this run and decides how the previous one ended, which it counts. Value; does no I/O. Its counts are
/// absolute, so that writing them again is correct in any file.
struct RunHistory: Hashable, Sendable {
    private struct Beginning: Hashable {
        let version: String
        let seen: RunEnd?
        let detail: String?
        let time: Int64
    }

    /// By the names of `RunEnd`, including those of later versions.
    var endings: [String: Int] = [:]
    /// The last stored run; after `begin`, the one before this.
    var previous: StoredRun?
    private(set) var current: StoredRun?
    /// Whether it has changed since it was written.
    var isDirty = false
    private var waiting: Beginning?
    private(set) var previousEnd: RunEnd?

    var counts: [RunEnd: Int] {
        Dictionary(endings.map { (RunEnd(rawValue: $0.key) ?? .unknown, $0.value) }, uniquingKeysWith: +)
    }

    /// Until the database is loaded, the previous run is unknown: then this run begins with `take`.
    mutating func begin(version: String, seen: (end: RunEnd, detail: String)?, now: Int64, isLoaded: Bool) {
        guard current == nil, waiting == nil else { return }
        previousEnd = seen?.end
        waiting = Beginning(version: version, seen: seen?.end, detail: seen?.detail, time: now)
        if isLoaded { begin() }
    }

    /// Takes over what was read from the database.
    mutating func take(_ found: RunHistory) {
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

    /// What the service manager saw is later than what the run wrote itself: a run that stopped in order may still have
    /// been killed for taking too long. It is ignored only where it adds nothing.
    private static func ending(written: String?, seen: RunEnd?) -> String {
        switch seen {
        case nil, .unknown, .stopped: written ?? (seen ?? .unknown).rawValue
        case .some(let seen): seen.rawValue
        }
    }
}
