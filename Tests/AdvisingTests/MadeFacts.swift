import Advising
import ProxyTypes

/// Facts of an hour that a rule is made for, and of healthy hours.
enum MadeFacts {
    static func tally(_ count: Int, around value: Int64) -> Tally {
        guard count > 0 else { return Tally() }
        let parts: [(Int64, Int)] = [(value / 2, count / 4), (value, count - 2 * (count / 4)), (value * 2, count / 4)]
        return Tally(
            parts.map { Tally.Bucket(bound: max($0.0, 1), count: $0.1) },
            sum: parts.reduce(0) { $0 + Double($1.0) * Double($1.1) })
    }

    /// Ten requests a second, 20 ms each, nearly all on connections that had served before.
    static var healthy: OriginFacts { hour(requests: 36_000, fresh: 40) }

    static func hour(requests: Int, fresh: Int, handshake: Double = 30_000, service: Int64 = 20_000) -> OriginFacts {
        var facts = OriginFacts()
        facts.window = .hours(1)
        facts.requests = requests
        (facts.reused, facts.fresh) = (requests - fresh, fresh)
        (facts.queued, facts.dials) = (fresh, fresh)
        facts.closes.all = fresh
        facts.handshakeTime = Double(fresh) * handshake
        facts.waited.connect = Double(fresh) * handshake
        facts.queueTime = Tally(
            [.init(bound: 1, count: requests - fresh), .init(bound: Int64(handshake), count: fresh)],
            sum: Double(fresh) * handshake)
        facts.totalTime = tally(requests, around: service)
        facts.firstByteTime = facts.totalTime
        facts.connectTime = tally(fresh, around: Int64(handshake))
        facts.nameTime = tally(fresh, around: 300)
        return facts
    }

    /// An hour for each rule.
    static func facts(for rule: AdviceRule) -> OriginFacts {
        switch rule {
        case .idleTimeoutShort, .idleTimeoutLong, .poolSmall, .poolLarge, .keepWarm, .maxRequestsLow: ofPool(rule)
        case .originEndsConnections, .responsesWithoutLength, .originClosesSilently, .clientsGoAway, .tunnelsPoolable,
            .portsShort:
            ofReuse(rule)
        case .nameTTLShort, .headersTimeoutFar, .headersTimeoutNear, .connectTimeoutFar, .slowStart, .delayedAnswers,
            .delayedRequests:
            ofTime(rule)
        }
    }

    private static func ofPool(_ rule: AdviceRule) -> OriginFacts {
        var facts = healthy
        switch rule {
        case .idleTimeoutShort:
            facts = hour(requests: 2400, fresh: 2400)
            facts.closes.idle = 2400
            facts.settings.idleTimeout = .seconds(1)
        case .idleTimeoutLong:
            facts.stale = 12
            facts.staleSurfaced = 4
            facts.closes.byOrigin = 500
            facts.settings.idleTimeout = .seconds(60)
        case .poolSmall:
            facts.settings.maxConnections = 2
            facts.queued = 20_000
            facts.queueTime = tally(36_000, around: 15_000)
            facts.totalTime = tally(36_000, around: 150_000)
        case .poolLarge:
            for _ in 0..<60 { facts.pool.look(idle: 30, busy: 2) }
        case .keepWarm:
            facts = hour(requests: 360, fresh: 360)
            facts.closes.idle = 360
            facts.learned = LearnedFacts(limit: .seconds(5), retire: .seconds(4), isSettled: true, maxRequests: 0)
        default:
            facts = hour(requests: 36_000, fresh: 18_000)
            facts.closes.maxRequests = 18_000
            facts.settings.maxRequests = 2
        }
        return facts
    }

    private static func ofReuse(_ rule: AdviceRule) -> OriginFacts {
        var facts = hour(requests: 3600, fresh: 3600)
        switch rule {
        case .originEndsConnections: facts.closes.byResponse = 3600
        case .responsesWithoutLength: facts.closes.withoutLength = 3600
        case .originClosesSilently: facts.closes.byOrigin = 3600
        case .clientsGoAway: facts.closes.byClient = 3600
        case .portsShort:
            facts = healthy
            facts.fewPorts = FewPorts(free: 12, usable: 28_000)
        default:
            facts = OriginFacts()
            facts.window = .hours(1)
            facts.tunnels.opened = 500
            facts.tunnels.meanDuration = 400_000
            facts.settings.isHTTPS = true
        }
        return facts
    }

    private static func ofTime(_ rule: AdviceRule) -> OriginFacts {
        var facts = healthy
        switch rule {
        case .nameTTLShort:
            facts = hour(requests: 36_000, fresh: 2000)
            facts.waited.name = 2000 * 20_000
            facts.waited.connect = 2000 * 5000
            facts.settings.nameMaxTTL = .seconds(1)
        case .headersTimeoutFar: facts.answerTimeouts = 10
        case .connectTimeoutFar:
            facts.connectTimeouts = 10
            facts.connectTime = tally(2000, around: 10_000)
        case .headersTimeoutNear:
            facts.settings.headersTimeout = .seconds(5)
            facts.firstByteTime = tally(3000, around: 2_400_000)
            (facts.requests, facts.answerTimeouts, facts.failures) = (3300, 300, 310)
        case .slowStart:
            (facts.restarts.uploads, facts.restarts.costly, facts.restarts.timeLost) = (600, 400, 40e6)
        case .delayedAnswers:
            (facts.delaysOfOrigin.exchanges, facts.delaysOfOrigin.waits) = (9000, 4000)
            facts.delaysOfOrigin.length = 40
        default:
            (facts.delaysOfOurs.exchanges, facts.delaysOfOurs.waits, facts.delaysOfOurs.length) = (900, 700, 40)
            facts.settings.nodelay = false
        }
        return facts
    }

    /// An hour in which nothing is worth anybody's time: seldom or often used, on a near path or a far one, with an origin of any
    /// idle limit, and with the few faults that each day has.
    static func healthyHour(seed: UInt64) -> OriginFacts {
        var random = SeededRandom(seed: seed)
        func below(_ bound: Int) -> Int { random.below(bound) }
        let handshake = Double([200, 2000, 30_000, 150_000][below(4)])
        // Few enough that all waits for new connections stay under five seconds, and not nearly one in ten minutes' requests.
        let fresh = below(min(Int(4.9e6 / handshake), 500) + 1)
        let requests = fresh + [0, 20, 1000, 100_000, 2_000_000][below(5)] + below(50)
        var facts = hour(
            requests: requests, fresh: fresh, handshake: handshake, service: Int64([300, 9000, 400_000][below(3)]))
        facts.closes.idle = below(fresh + 1)
        facts.closes.byOrigin = below(fresh - facts.closes.idle + 1)
        facts.closes.byResponse = below(fresh - facts.closes.idle - facts.closes.byOrigin + 1)
        facts.closes.byClient = below(fresh - facts.closes.idle - facts.closes.byOrigin - facts.closes.byResponse + 1)
        facts.queued = fresh + below(requests / 60 + 1)
        facts.failures = below(requests / 200 + 1)
        facts.answerTimeouts = below(3)
        facts.connectTimeouts = below(3)
        facts.dialFailures = facts.connectTimeouts + below(20)
        facts.refusedByLimit = below(8)
        facts.stale = below(2)
        facts.waited.name = facts.waited.connect * Double(below(20)) / 100
        facts.waited.connect -= facts.waited.name
        for _ in 0..<60 { facts.pool.look(idle: below(9), busy: below(20)) }
        (facts.restarts.uploads, facts.restarts.costly) = (below(900), below(19))
        facts.restarts.timeLost = Double(facts.restarts.costly) * 100_000
        (facts.delaysOfOrigin.exchanges, facts.delaysOfOrigin.waits) = (requests, below(19))
        facts.delaysOfOrigin.length = 40
        facts.tunnels.opened = below(50)
        facts.tunnels.meanDuration = Double(below(90_000_000))
        facts.settings.isHTTPS = below(2) == 0
        facts.settings.idleTimeout = [nil, .seconds(1), .seconds(30), .minutes(5)][below(4)]
        if below(2) == 0 {
            let limit = Interval.seconds([1, 5, 60, 600][below(4)])
            facts.learned = LearnedFacts(
                limit: limit, retire: limit, isSettled: true, maxRequests: [0, 100, 10_000][below(3)])
        }
        facts.settings.maxRequests = [0, 100, 1000][below(3)]
        facts.closes.maxRequests = requests / max(facts.settings.maxRequests, 100) / 100
        facts.settings.nameMaxTTL = [.seconds(1), .minutes(5)][below(2)]
        facts.settings.headersTimeout = [.seconds(5), .seconds(60)][below(2)]
        facts.settings.nodelay = below(2) == 0
        return facts
    }
}
