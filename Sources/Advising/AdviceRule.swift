import ProxyTypes

/// A rule that looks at what is known of an origin and gives advice or none. A closed set; the names are in the database and
/// in identifiers of advice.
package enum AdviceRule: String, CaseIterable, Hashable, Sendable, Codable {
    case idleTimeoutShort = "idle_timeout_short"
    case idleTimeoutLong = "idle_timeout_long"
    case poolSmall = "pool_small"
    case poolLarge = "pool_large"
    case originEndsConnections = "origin_ends_connections"
    case responsesWithoutLength = "responses_without_length"
    case originClosesSilently = "origin_closes_silently"
    case clientsGoAway = "clients_go_away"
    case maxRequestsLow = "max_requests_low"
    case keepWarm = "keep_warm"
    case nameTTLShort = "dns_ttl_short"
    case tunnelsPoolable = "tunnels_poolable"
    case portsShort = "ports_short"
    case headersTimeoutFar = "headers_timeout_far"
    case headersTimeoutNear = "headers_timeout_near"
    case connectTimeoutFar = "connect_timeout_far"
    case slowStart = "slow_start"
    case delayedAnswers = "delayed_answers"
    case delayedRequests = "delayed_requests"

    /// `isGiven`: this rule has advised the same origin before, and goes on until the cause is clearly gone.
    package func advice(on facts: OriginFacts, isGiven: Bool = false) -> Advice? {
        let bar = Bar(isGiven: isGiven)
        return switch self {
        case .idleTimeoutShort: Self.idleTimeoutShort(facts, bar)
        case .idleTimeoutLong: Self.idleTimeoutLong(facts, bar)
        case .poolSmall: Self.poolSmall(facts, bar)
        case .poolLarge: Self.poolLarge(facts, bar)
        case .originEndsConnections: Self.originEndsConnections(facts, bar)
        case .responsesWithoutLength: Self.responsesWithoutLength(facts, bar)
        case .originClosesSilently: Self.originClosesSilently(facts, bar)
        case .clientsGoAway: Self.clientsGoAway(facts, bar)
        case .maxRequestsLow: Self.maxRequestsLow(facts, bar)
        case .keepWarm: Self.keepWarm(facts, bar)
        case .nameTTLShort: Self.nameTTLShort(facts, bar)
        case .tunnelsPoolable: Self.tunnelsPoolable(facts, bar)
        case .portsShort: Self.portsShort(facts)
        case .headersTimeoutFar: Self.headersTimeoutFar(facts, bar)
        case .headersTimeoutNear: Self.headersTimeoutNear(facts, bar)
        case .connectTimeoutFar: Self.connectTimeoutFar(facts, bar)
        case .slowStart: Self.slowStart(facts, bar)
        case .delayedAnswers: Self.delayedAnswers(facts, bar)
        case .delayedRequests: Self.delayedRequests(facts, bar)
        }
    }

    /// All advice on an origin, in the order of the rules.
    package static func advice(on facts: OriginFacts, given: Set<AdviceRule> = []) -> [Advice] {
        allCases.compactMap { $0.advice(on: facts, isGiven: given.contains($0)) }
    }
}

/// What must be exceeded before advice is worth somebody's time. Lower once it was given, so that advice does not come and go
/// with small changes. Value.
struct Bar {
    private let ease: Double

    init(isGiven: Bool) { ease = isGiven ? 0.6 : 1 }

    /// Fewer events show nothing.
    static let fewest = 20
    /// Time saved, in microseconds an hour: five seconds.
    static let leastSaving = 5e6
    /// New connections saved in an hour.
    static let leastDials = 600.0

    func isOver(_ value: Double, _ threshold: Double) -> Bool { value >= threshold * ease }

    func isOver(_ count: Int, _ threshold: Int) -> Bool { isOver(Double(count), Double(threshold)) }

    /// Whether so many new connections fewer in the stretch are worth it, each of which makes requests wait for so long.
    func isWorth(dials: Double, each: Double, in facts: OriginFacts) -> Bool {
        let rate = dials / facts.hours
        return isOver(rate * each, Self.leastSaving) || isOver(rate, Self.leastDials)
    }
}

extension OriginFacts {
    /// What a request waits for a new connection, on average.
    var waitPerDial: Double { dials == 0 ? 0 : waited.all / Double(dials) }

    var freshShare: Double { leases == 0 ? 0 : Double(fresh) / Double(leases) }
}

/// As settings are written.
enum ValueText {
    /// Rounded up to two digits, so that it reads as something a person would have set.
    static func duration(microseconds: Double) -> String {
        var milliseconds = max((microseconds / 1000).rounded(.up), 1)
        var scale = 1.0
        while milliseconds / scale > 100 { scale *= 10 }
        milliseconds = (milliseconds / scale).rounded(.up) * scale
        let whole = Int64(milliseconds)
        // The largest unit that divides it, as settings are written.
        for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where whole % length == 0 { return "\(whole / length)\(unit)" }
        return "\(whole)ms"
    }

    static func duration(_ length: Interval) -> String { duration(microseconds: Double(length.microseconds)) }
}
