/// The figures of a stretch of traffic that are compared before and after a change. Value; kept in the database.
package struct Sample: Hashable, Sendable, Codable {
    package var requests = 0
    package var failures = 0
    package var reused = 0
    package var fresh = 0
    package var queued = 0
    package var stale = 0
    package var uploads = 0
    package var restarts = 0
    package var delaysOfOrigin = DelayFacts()
    package var delaysOfOurs = DelayFacts()
    package var totalTime = Tally()
    package var nameTime = Tally()
    /// Nil where the pool was not looked at.
    package var idle: Double?

    package init() {}

    package init(_ facts: OriginFacts) {
        requests = facts.requests
        failures = facts.failures
        reused = facts.reused
        fresh = facts.fresh
        queued = facts.queued
        stale = facts.stale
        uploads = facts.restarts.uploads
        restarts = facts.restarts.costly
        delaysOfOrigin = facts.delaysOfOrigin
        delaysOfOurs = facts.delaysOfOurs
        totalTime = facts.totalTime
        nameTime = facts.nameTime
        idle = facts.pool.looks == 0 ? nil : facts.pool.meanIdle
    }

    enum Measure {
        case share(Int, of: Int)
        case times(Tally)
        case level(Double?)
    }

    /// `withSetting`: after a change that takes effect on new connections only, what those show that have it.
    func measure(_ figure: Figure, withSetting: Bool) -> Measure {
        switch figure {
        case .newConnections: .share(fresh, of: fresh + reused)
        case .waiting: .share(queued, of: requests)
        case .stale: .share(stale, of: reused)
        case .failures: .share(failures, of: requests)
        case .delayedAnswers: Self.share(delaysOfOrigin, withSetting)
        case .delayedRequests: Self.share(delaysOfOurs, withSetting)
        case .restarts: .share(restarts, of: uploads)
        case .nameTime: .times(nameTime)
        case .idle: .level(idle)
        }
    }

    private static func share(_ delays: DelayFacts, _ withSetting: Bool) -> Measure {
        withSetting
            ? .share(delays.waitsWithSetting, of: delays.exchangesWithSetting)
            : .share(delays.waits, of: delays.exchanges)
    }
}
