import ProxyTypes

/// Says which origins have series of their own, and what all the others add up to. Value; it lives from page to page.
///
/// Every count of an origin is shown exactly once: in its own series or in `_other`. No counter ever falls, so that the
/// increases of all series add up to what was counted, whatever comes, goes and overtakes.
///
///     named --overtaken--> folded: its series ends, and what it counts from its last value on is counted in `_other`
///     folded --overtakes--> named: its series goes on from its last value; what `_other` has counted of it stays there
///     any --forgotten--> what no series has shown is counted in `_other`; if it comes back, its series goes on
struct OriginFolding: Sendable {
    /// What a page shows under an origin's own name. Value.
    struct Series {
        /// Place in the list of origins.
        let index: Int
        let figures: OriginFigures
        /// Counters at 0 are written too: series of this name may have had a value that is no longer known.
        let isAnnounced: Bool
    }

    struct Result {
        /// The busiest first.
        var named: [Series] = []
        /// Nil until there was something to fold.
        var other: (figures: OriginFigures, gauges: OriginGauges)?
        var folded = 0
    }

    fileprivate enum Standing {
        /// `own` and `inOther` are all that the origin had counted at the last page.
        indirect case named(own: OriginFigures, inOther: OriginFigures)
        /// `own` is what its series showed last; all else is in `_other`.
        indirect case folded(own: OriginFigures)
        /// It never had series of its own.
        case alwaysFolded
    }

    private var standings: [Origin: Standing] = [:]
    /// What `_other` keeps of origins that are named now or forgotten.
    private var settled = OriginFigures()
    private var hasOther = false
    /// What series showed of an origin before it was forgotten.
    private var earlier: [Origin: OriginFigures] = [:]
    /// Those in `earlier` that have not come back, the oldest first.
    private var left: [Origin] = []
    private let maxLeft: Int
    private var hasDroppedEarlier = false

    /// `maxLeft`: of how many forgotten origins it is remembered what their series showed.
    init(maxLeft: Int) {
        self.maxLeft = maxLeft
    }

    mutating func fold(_ origins: [OriginSnapshot], limit: Int) -> Result {
        var result = Result()
        let ranking = origins.count > limit ? ranked(origins) : byRequests(origins)
        let limit = min(max(limit, 0), origins.count)
        result.named = ranking[..<limit].map { name(origins[$0], at: $0) }
        let rest = ranking[limit...]
        result.folded = rest.count
        var gauges = OriginGauges()
        var figures = OriginFigures()
        for index in rest {
            figures += foldIn(origins[index])
            gauges += origins[index].gauges
        }
        hasOther = hasOther || !rest.isEmpty || settled != OriginFigures()
        figures += settled
        if hasOther { result.other = (figures, gauges) }
        return result
    }

    /// To be told before an origin is forgotten, with all that it has counted.
    mutating func forget(_ snapshot: OriginSnapshot) {
        let origin = snapshot.origin
        switch standing(of: snapshot) {
        case .named(let own, let inOther):
            settled += snapshot.figures - own - inOther
            remember(own, of: origin)
        case .folded(let own):
            settled += snapshot.figures - own
            remember(own, of: origin)
        case .alwaysFolded, nil:
            settled += snapshot.figures
        }
        standings[origin] = nil
        guard earlier[origin] != nil else { return }
        comesBack(origin)
        left.append(origin)
        guard left.count > maxLeft else { return }
        earlier[left.removeFirst()] = nil
        hasDroppedEarlier = true
    }

    private mutating func name(_ snapshot: OriginSnapshot, at index: Int) -> Series {
        let origin = snapshot.origin
        var inOther = OriginFigures()
        var isAnnounced = false
        switch standing(of: snapshot) {
        case .named(_, let before):
            inOther = before
        case .folded(let own):
            inOther = snapshot.figures - own
            settled += inOther
        case .alwaysFolded:
            isAnnounced = mayHaveLeftUnknown(origin)
            inOther = snapshot.figures
            settled += inOther
        case nil:
            comesBack(origin)
            isAnnounced = mayHaveLeftUnknown(origin)
            if isAnnounced {
                inOther = snapshot.figures
                settled += inOther
            }
        }
        let own = snapshot.figures - inOther
        standings[origin] = .named(own: own, inOther: inOther)
        var shown = own
        if let before = earlier[origin] { shown += before }
        return Series(index: index, figures: shown, isAnnounced: isAnnounced)
    }

    /// Returns its part of `_other`.
    private mutating func foldIn(_ snapshot: OriginSnapshot) -> OriginFigures {
        let origin = snapshot.origin
        switch standing(of: snapshot) {
        case .named(let own, let inOther):
            settled = settled - inOther
            standings[origin] = .folded(own: own)
            return snapshot.figures - own
        case .folded(let own):
            return snapshot.figures - own
        case .alwaysFolded:
            return snapshot.figures
        case nil:
            comesBack(origin)
            standings[origin] = .alwaysFolded
            return snapshot.figures
        }
    }

    private mutating func standing(of snapshot: OriginSnapshot) -> Standing? {
        guard let standing = standings[snapshot.origin] else { return nil }
        guard standing.leastCounted > snapshot.figures.exchanges else { return standing }
        // Less than it had: it was forgotten unsaid, and has begun again.
        switch standing {
        case .named(let own, _), .folded(let own): remember(own, of: snapshot.origin)
        case .alwaysFolded: break
        }
        standings[snapshot.origin] = nil
        return nil
    }

    private mutating func remember(_ own: OriginFigures, of origin: Origin) {
        if own != OriginFigures() { earlier[origin, default: OriginFigures()] += own }
    }

    private mutating func comesBack(_ origin: Origin) {
        guard earlier[origin] != nil, let index = left.firstIndex(of: origin) else { return }
        left.remove(at: index)
    }

    private func mayHaveLeftUnknown(_ origin: Origin) -> Bool { hasDroppedEarlier && earlier[origin] == nil }

    /// Who has series keeps them against a rival that is less than a quarter ahead: near ties must not make series come
    /// and go.
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
        let weights = origins.map { weight($0, $0.figures.exchanges) }
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
    /// Exchanges that the origin is known to have counted.
    fileprivate var leastCounted: Int {
        switch self {
        case .named(let own, let inOther): own.exchanges + inOther.exchanges
        case .folded(let own): own.exchanges
        case .alwaysFolded: 0
        }
    }
}

extension OriginFigures {
    /// By which origins are ranked.
    fileprivate var exchanges: Int { requests.total + tunnels.opened }
}
