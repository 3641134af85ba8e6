import Advising
import Metering
import ProxyTypes

/// A stretch of one origin's traffic, which ends now: since when, and what had been counted before. Value.
struct AdviceStretch {
    var since: Instant
    var base: OriginStatistics
    var settings: SettingFacts
    var levels = PoolLevels()
    var lastLook: Instant
    /// The whole stretch before this one, under the same settings.
    var previous: Sample?

    init(since: Instant, base: OriginStatistics, settings: SettingFacts, now: Instant) {
        self.since = since
        self.base = base
        self.settings = settings
        lastLook = now
    }

    func facts(_ counted: OriginStatistics, learned: LearnedFacts?, now: Instant) -> OriginFacts {
        OriginFacts(counted - base, over: now - since, levels: levels, settings: settings, learned: learned)
    }
}

/// The stretches of the origins that are watched: which are long enough to be looked at, and which begin again. Value.
struct AdviceStretches {
    /// A snapshot of statistics takes some KB.
    static let most = 1000
    /// Earlier, rates by the hour would be guesses.
    static let shortest = Interval.minutes(10)
    /// Then the next one begins, where enough was seen, and without that after a day.
    static let whole = Interval.hours(1)
    static let longest = Interval.hours(24)
    static let fewestRequests = 50

    private(set) var stretches: [Origin: AdviceStretch] = [:]
    /// Seen at the last look: what others have counted, they have counted since then.
    private var seen: Set<Origin> = []
    private var lastLook: Instant

    init(now: Instant) { lastLook = now }

    subscript(origin: Origin) -> AdviceStretch? { stretches[origin] }

    /// To be called with all origins of this run, before their stretches are read. Returns the origins whose settings are
    /// others than those of their stretch, which begins again.
    mutating func look(
        _ entries: [OriginEntry], settings: (Origin) -> SettingFacts, now: Instant
    ) -> [Origin] {
        var changed: [Origin] = []
        let known = Set(entries.map(\.snapshot.origin))
        stretches = stretches.filter { known.contains($0.key) }
        // Of the others nothing has changed.
        for entry in entries where entry.lastUse > lastLook || entry.snapshot.gauges.connections > 0 {
            let (origin, counted) = (entry.snapshot.origin, entry.snapshot.statistics)
            let inForce = settings(origin)
            if let stretch = stretches[origin], stretch.settings == inForce, !entry.snapshot.gauges.isPaused,
                counted.requestCount >= stretch.base.requestCount, counted.tunnels.opened >= stretch.base.tunnels.opened
            {
                stretches[origin]?.levels.look(idle: entry.snapshot.gauges.idle, busy: entry.snapshot.gauges.leased)
                continue
            }
            if let stretch = stretches[origin] {
                if stretch.settings != inForce { changed.append(origin) }
            } else if stretches.count >= Self.most {
                continue
            }
            let isNew = !seen.contains(origin)
            stretches[origin] = AdviceStretch(
                since: isNew ? lastLook : now, base: isNew ? OriginStatistics() : counted, settings: inForce, now: now)
        }
        seen = known
        lastLook = now
        return changed
    }

    /// What was seen until now is not of the stretch that begins.
    mutating func begin(_ origin: Origin, _ counted: OriginStatistics, settings: SettingFacts, now: Instant) {
        stretches[origin] = AdviceStretch(since: now, base: counted, settings: settings, now: now)
    }

    /// Those to be looked at, the longest waiting first.
    func due(now: Instant, isAsked: Bool) -> [Origin] {
        stretches.filter { isAsked || now - $0.value.lastLook >= Self.shortest }
            .sorted { $0.value.lastLook < $1.value.lastLook }.map(\.key)
    }

    static func isWhole(_ facts: OriginFacts) -> Bool {
        facts.window >= longest || facts.window >= whole && facts.requests + facts.tunnels.opened >= fewestRequests
    }

    mutating func looked(at origin: Origin, _ facts: OriginFacts, _ counted: OriginStatistics, now: Instant) {
        stretches[origin]?.lastLook = now
        guard Self.isWhole(facts), let stretch = stretches[origin] else { return }
        guard facts.requests + facts.tunnels.opened > 0 else {
            // Room for another one, until it is used again.
            stretches[origin] = nil
            return
        }
        begin(origin, counted, settings: stretch.settings, now: now)
        stretches[origin]?.previous = Sample(facts)
    }
}
