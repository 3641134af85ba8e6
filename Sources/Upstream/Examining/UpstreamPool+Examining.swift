import Diagnosis
import Learning
import Pooling
import ProxyTypes
import Tuning

/// What an examination needs of the pool, and what it tells it.
extension UpstreamPool {
    func takeForGuest() -> Bool { machine.takeForGuest() }
    var hasRoomForGuests: Bool { machine.hasRoomForGuests }

    func guestLeft(now: Instant) {
        machine.guestLeft(now: now, into: &actions.pending)
        perform(now: now)
    }

    var inForce: OriginInForce {
        let estimate = learning.learner.estimate()
        let isObeyed = settings.idleTimeout == .auto && learning.isObeyed
        return OriginInForce(
            idleTimeout: settings.idleTimeout, learnedRetire: isObeyed ? learning.bounds.retire : nil,
            learnedLimit: estimate?.limit, learnedHits: estimate?.hits ?? 0,
            maxRequests: settings.maxRequestsPerConnection, pipelines: settings.pipelining == .idempotent)
    }

    /// An idle connection of an examination teaches as one of the pool's own does.
    func examined(_ outcome: IdleOutcome, now: Instant) {
        switch outcome {
        case .closed(let age, .fin), .closed(let age, .reset):
            let requests = age.requests
            learn(now: now) { learner, wall in learner.closed(IdlePeriod(age), requests: requests, now: wall) }
        // When the origin closed it is not known; nor who forgot it.
        case .closed(_, .onUse), .forgotten: break
        case .outlived(let age): learn(now: now) { learner, _ in learner.reused(IdlePeriod(age)) }
        case .silent(let age):
            learn(now: now) { learner, wall in learner.probed(age.age, answered: false, now: wall) }
        }
    }
}

extension IdlePeriod {
    fileprivate init(_ age: IdleAge) { self.init(age: age.age, lag: age.lag) }
}
