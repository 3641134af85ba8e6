import ProxyTypes

/// Decides which origins have their own series, and sums all others. Value; kept from page to page.
///
/// Each count of an origin appears exactly once, in its own series or in `_other`. No counter decreases, so that the
/// increases of all series add up to what was counted, however origins come, go and overtake each other.
///
///     named --overtaken--> folded: its series ends; what it counts beyond its last value is added to `_other`
///     folded --overtakes--> named: its series continues from its last value; what `_other` has of it stays there
///     any --forgotten--> what no series has shown is added to `_other`; if it comes back, its series continues
struct OriginFolding: Sendable {
    /// An origin with its own series on a page. Value.
    struct Series {
        /// Index in the list of origins.
        let index: Int
        let statistics: OriginStatistics
        /// Whether counters at 0 are written too, because the series may have had a value that is no longer known.
        let writesZeros: Bool
    }

    struct Result {
        /// Busiest first.
        var named: [Series] = []
        /// Nil until something was folded.
        var other: (statistics: OriginStatistics, gauges: OriginGauges)?
        var folded = 0
    }

    /// Where the counts of an origin are.
    fileprivate enum Standing {
        /// `own` and `inOther` add up to what the origin had counted at the last page.
        indirect case named(own: OriginStatistics, inOther: OriginStatistics)
        /// `own` is the last value of its series; the rest is in `_other`.
        indirect case folded(own: OriginStatistics)
        /// It never had its own series.
        case alwaysFolded
    }

    private var standings: [Origin: Standing] = [:]
    /// The part of `_other` that belongs to origins that are named now or forgotten.
    private var settled = OriginStatistics()
    private var hasOther = false
    /// The last values of series of forgotten origins.
    private var earlier: [Origin: OriginStatistics] = [:]
    /// The origins in `earlier` that have not been used again since, the longest forgotten first.
    private var absent: [Origin] = []
    private let maxAbsent: Int
    /// Whether last values have been dropped from `earlier`, so that an unknown origin may have had a series.
    private var hasDroppedEarlier = false

    /// `maxAbsent`: for how many forgotten origins the last values are remembered.
    init(maxAbsent: Int) {
        self.maxAbsent = maxAbsent
    }

    mutating func fold(_ origins: [OriginSnapshot], limit: Int) -> Result {
        var result = Result()
        let ranking = origins.count > limit ? ranked(origins) : byRequests(origins)
        let limit = min(max(limit, 0), origins.count)
        result.named = ranking[..<limit].map { name(origins[$0], at: $0) }
        let rest = ranking[limit...]
        result.folded = rest.count
        var gauges = OriginGauges()
        var statistics = OriginStatistics()
        for index in rest {
            statistics += foldIn(origins[index])
            gauges += origins[index].gauges
        }
        hasOther = hasOther || !rest.isEmpty || settled != OriginStatistics()
        statistics += settled
        if hasOther { result.other = (statistics, gauges) }
        return result
    }

    /// To be called before an origin is forgotten, with its counts.
    mutating func forget(_ snapshot: OriginSnapshot) {
        let origin = snapshot.origin
        switch standing(of: snapshot) {
        case .named(let own, let inOther):
            settled += snapshot.statistics - own - inOther
            remember(own, of: origin)
        case .folded(let own):
            settled += snapshot.statistics - own
            remember(own, of: origin)
        case .alwaysFolded, nil:
            settled += snapshot.statistics
        }
        standings[origin] = nil
        guard earlier[origin] != nil else { return }
        removeFromAbsent(origin)
        absent.append(origin)
        guard absent.count > maxAbsent else { return }
        earlier[absent.removeFirst()] = nil
        hasDroppedEarlier = true
    }

    private mutating func name(_ snapshot: OriginSnapshot, at index: Int) -> Series {
        let origin = snapshot.origin
        var inOther = OriginStatistics()
        var writesZeros = false
        switch standing(of: snapshot) {
        case .named(_, let before):
            inOther = before
        case .folded(let own):
            inOther = snapshot.statistics - own
            settled += inOther
        case .alwaysFolded:
            writesZeros = mayHaveHadSeries(origin)
            inOther = snapshot.statistics
            settled += inOther
        case nil:
            removeFromAbsent(origin)
            writesZeros = mayHaveHadSeries(origin)
            if writesZeros {
                inOther = snapshot.statistics
                settled += inOther
            }
        }
        let own = snapshot.statistics - inOther
        standings[origin] = .named(own: own, inOther: inOther)
        var shown = own
        if let before = earlier[origin] { shown += before }
        return Series(index: index, statistics: shown, writesZeros: writesZeros)
    }

    /// Adds the origin to `_other`, and returns its part of it.
    private mutating func foldIn(_ snapshot: OriginSnapshot) -> OriginStatistics {
        let origin = snapshot.origin
        switch standing(of: snapshot) {
        case .named(let own, let inOther):
            settled = settled - inOther
            standings[origin] = .folded(own: own)
            return snapshot.statistics - own
        case .folded(let own):
            return snapshot.statistics - own
        case .alwaysFolded:
            return snapshot.statistics
        case nil:
            removeFromAbsent(origin)
            standings[origin] = .alwaysFolded
            return snapshot.statistics
        }
    }

    private mutating func standing(of snapshot: OriginSnapshot) -> Standing? {
        guard let standing = standings[snapshot.origin] else { return nil }
        guard standing.leastCounted > snapshot.statistics.exchanges else { return standing }
        // Less than before: it was forgotten without notice, and has started again.
        switch standing {
        case .named(let own, _), .folded(let own): remember(own, of: snapshot.origin)
        case .alwaysFolded: break
        }
        standings[snapshot.origin] = nil
        return nil
    }

    private mutating func remember(_ own: OriginStatistics, of origin: Origin) {
        if own != OriginStatistics() { earlier[origin, default: OriginStatistics()] += own }
    }

    private mutating func removeFromAbsent(_ origin: Origin) {
        guard earlier[origin] != nil, let index = absent.firstIndex(of: origin) else { return }
        absent.remove(at: index)
    }

    private func mayHaveHadSeries(_ origin: Origin) -> Bool { hasDroppedEarlier && earlier[origin] == nil }

    /// An origin keeps its series until another is ahead by a quarter, so that near ties do not make series come and
    /// go.
    private func ranked(_ origins: [OriginSnapshot]) -> [Int] {
        sorted(origins) { snapshot, requests in isNamed(snapshot.origin) ? requests + requests / 4 : requests }
    }

    private func byRequests(_ origins: [OriginSnapshot]) -> [Int] {
        sorted(origins) { $1 }
    }

    private func isNamed(_ origin: Origin) -> Bool {
        guard case .named = standings[origin] else { return false }
        return true
    }

    private func sorted(_ origins: [OriginSnapshot], _ weight: (OriginSnapshot, Int) -> Int) -> [Int] {
        let weights = origins.map { weight($0, $0.statistics.exchanges) }
        return origins.indices.sorted { a, b in
            weights[a] != weights[b]
                ? weights[a] > weights[b] : Self.isOrdered(origins[a].origin, before: origins[b].origin)
        }
    }

    private static func isOrdered(_ a: Origin, before b: Origin) -> Bool {
        if a.host != b.host { return a.host < b.host }
        return a.port != b.port ? a.port < b.port : a.scheme.rawValue < b.scheme.rawValue
    }
}

extension OriginFolding.Standing {
    /// How many exchanges the origin is known to have counted: fewer show that it was forgotten in between.
    fileprivate var leastCounted: Int {
        switch self {
        case .named(let own, let inOther): own.exchanges + inOther.exchanges
        case .folded(let own): own.exchanges
        case .alwaysFolded: 0
        }
    }
}

extension OriginStatistics {
    /// The rank of an origin.
    fileprivate var exchanges: Int { requests.total + tunnels.opened }
}
