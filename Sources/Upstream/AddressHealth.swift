import ProxyTypes

/// Which addresses have failed lately, so that dials try them last. Bounded. Value.
///
/// An address and port that did not answer, refused or could not be reached are tried last for `firstPenalty`, and for twice
/// as long after each further failure; a connection that opens ends that. Where IPv6 fails at several addresses and has not
/// worked since, all of it is tried last: a network that drops it would cost each dial to another address the delay of the
/// race. That is forgotten when the addresses that connd would send from change, and put to the test from time to time.
struct AddressHealth {
    private struct Failing {
        var failures: Int
        var until: Instant
    }

    /// The addresses from which the host would reach the world by each family; nil where it has none.
    struct Network: Equatable, Sendable {
        var ipv4: IPAddress?
        var ipv6: IPAddress?
    }

    private enum IPv6: Equatable {
        case works
        /// Distinct addresses that failed since it last worked, while IPv4 worked.
        case doubted(Set<IPAddress>)
        /// Tried last until then.
        case broken(until: Instant)
    }

    private var failing: [Endpoint: Failing] = [:]
    private var ipv6 = IPv6.works
    /// Failures of single addresses say nothing about the network while others work.
    private var ipv6WorkedAt: Instant?
    private var network = Network()

    static let firstPenalty = Interval.seconds(5)
    static let lastPenalty = Interval.minutes(5)
    private static let maxFailing = 4_096
    private static let doubtsForBroken = 2
    static let brokenTime = Interval.minutes(10)

    /// Whether a dial should try it after all others.
    func isLastResort(_ endpoint: Endpoint, now: Instant) -> Bool {
        if let entry = failing[endpoint], now < entry.until { return true }
        return endpoint.address.family == .ipv6 && isIPv6Broken(now: now)
    }

    func isIPv6Broken(now: Instant) -> Bool {
        guard case .broken(let until) = ipv6 else { return false }
        return now < until
    }

    /// Endpoints that are tried last, and until when.
    func all(now: Instant) -> [(endpoint: Endpoint, until: Instant)] {
        failing.filter { now < $0.value.until }.map { ($0.key, $0.value.until) }.sorted { $0.endpoint < $1.endpoint }
    }

    mutating func succeeded(_ endpoint: Endpoint, now: Instant) {
        if !failing.isEmpty { failing[endpoint] = nil }
        guard endpoint.address.family == .ipv6 else { return }
        ipv6 = .works
        ipv6WorkedAt = now
    }

    /// `ipv4Worked`: an IPv4 address answered the same dial.
    mutating func failed(_ endpoint: Endpoint, ipv4Worked: Bool, now: Instant) {
        makeRoom(now: now)
        let failures = min((failing[endpoint]?.failures ?? 0) + 1, 10)
        let penalty = Interval(nanoseconds: Self.firstPenalty.nanoseconds << Int64(failures - 1))
        failing[endpoint] = Failing(failures: failures, until: now + min(penalty, Self.lastPenalty))
        if ipv4Worked, endpoint.address.family == .ipv6 { doubtIPv6(endpoint.address, now: now) }
    }

    private mutating func doubtIPv6(_ address: IPAddress, now: Instant) {
        if let ipv6WorkedAt, now < ipv6WorkedAt + Self.brokenTime { return }
        switch ipv6 {
        case .works: ipv6 = .doubted([address])
        case .doubted(var addresses):
            addresses.insert(address)
            ipv6 = addresses.count < Self.doubtsForBroken ? .doubted(addresses) : .broken(until: now + Self.brokenTime)
        // The test has failed.
        case .broken(let until): if now >= until { ipv6 = .broken(until: now + Self.brokenTime) }
        }
    }

    /// What was learned holds for one network only.
    mutating func note(_ network: Network) {
        guard network != self.network else { return }
        self.network = network
        ipv6 = .works
        ipv6WorkedAt = nil
        failing.removeAll()
    }

    private mutating func makeRoom(now: Instant) {
        guard failing.count >= Self.maxFailing else { return }
        let kept = failing.filter { now < $0.value.until }.sorted {
            ($0.value.until, $0.key) > ($1.value.until, $1.key)
        }
        failing = Dictionary(uniqueKeysWithValues: kept.prefix(Self.maxFailing * 3 / 4).map { ($0.key, $0.value) })
    }
}
