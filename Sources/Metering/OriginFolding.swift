import ProxyTypes

/// Says which origins have series of their own, and what all the others add up to. Value; it lives from page to page,
/// so that `_other` never falls because an origin left it, nor jumps because one came.
///
///     own series --overtaken--> folded: what it had counted by then was shown, and is not shown again
///     folded --overtakes--> own series: what it had counted while folded stays in `_other`
struct OriginFolding: Sendable {
    struct Result {
        /// Places in the list of origins, the busiest first.
        var named: [Int] = []
        /// Nil until there was something to fold.
        var other: (figures: OriginFigures, gauges: OriginGauges)?
        var folded = 0
    }

    /// With what their series last showed.
    private var named: [Origin: OriginFigures] = [:]
    private var folded: Set<Origin> = []
    /// What folded origins had shown as their own before.
    private var shownBefore: [Origin: OriginFigures] = [:]
    /// What was counted in `_other` of origins that are no longer there.
    private var kept = OriginFigures()
    private var hasFolded = false

    mutating func fold(_ origins: [OriginSnapshot], limit: Int) -> Result {
        var result = Result()
        let ranking = origins.count > limit ? ranked(origins) : byRequests(origins)
        let limit = min(max(limit, 0), origins.count)
        result.named = Array(ranking[..<limit])
        let rest = ranking[limit...]
        result.folded = rest.count
        promote(result.named.map { origins[$0] })
        var nowFolded = Set<Origin>(minimumCapacity: rest.count)
        var gauges = OriginGauges()
        var figures = OriginFigures()
        for index in rest {
            let snapshot = origins[index]
            nowFolded.insert(snapshot.origin)
            if let shown = named[snapshot.origin] { shownBefore[snapshot.origin] = shown }
            figures += unshown(snapshot)
            gauges += snapshot.gauges
        }
        folded = nowFolded
        shownBefore = shownBefore.filter { nowFolded.contains($0.key) }
        let shown = result.named.map { (origins[$0].origin, origins[$0].figures) }
        named = Dictionary(shown, uniquingKeysWith: { $1 })
        hasFolded = hasFolded || !folded.isEmpty
        figures += kept
        if hasFolded { result.other = (figures, gauges) }
        return result
    }

    /// To be told before an origin is forgotten, so that what it counted in `_other` stays counted.
    mutating func forget(_ snapshot: OriginSnapshot) {
        guard folded.remove(snapshot.origin) != nil else { return }
        kept += unshown(snapshot)
        shownBefore[snapshot.origin] = nil
    }

    private mutating func promote(_ snapshots: [OriginSnapshot]) {
        for snapshot in snapshots where folded.contains(snapshot.origin) {
            kept += unshown(snapshot)
        }
    }

    private func unshown(_ snapshot: OriginSnapshot) -> OriginFigures {
        // Less than it had: it was forgotten, and has begun again.
        guard let shown = shownBefore[snapshot.origin], shown.exchanges <= snapshot.figures.exchanges
        else { return snapshot.figures }
        return snapshot.figures - shown
    }

    /// Who has series keeps them against a rival that is less than a quarter ahead: near ties must not make series come
    /// and go.
    private func ranked(_ origins: [OriginSnapshot]) -> [Int] {
        sorted(origins) { snapshot, requests in named[snapshot.origin] == nil ? requests : requests + requests / 4 }
    }

    private func byRequests(_ origins: [OriginSnapshot]) -> [Int] {
        sorted(origins) { $1 }
    }

    private func sorted(_ origins: [OriginSnapshot], _ weight: (OriginSnapshot, Int) -> Int) -> [Int] {
        let weights = origins.map { weight($0, $0.figures.exchanges) }
        return origins.indices.sorted { a, b in
            weights[a] != weights[b]
                ? weights[a] > weights[b] : Self.isNamed(origins[a].origin, before: origins[b].origin)
        }
    }

    private static func isNamed(_ a: Origin, before b: Origin) -> Bool {
        if a.host != b.host { return a.host < b.host }
        return a.port != b.port ? a.port < b.port : a.scheme.rawValue < b.scheme.rawValue
    }
}

extension OriginFigures {
    /// By which origins are ranked.
    fileprivate var exchanges: Int { requests.total + tunnels.opened }
}
