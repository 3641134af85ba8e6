package import ProxyTypes
import Reactor

/// How long answers are kept: by the settings of the origin that asked last. Value.
package struct NameLifetimes: Equatable, Sendable {
    package var minTTL: Interval
    package var maxTTL: Interval
    package var stale: Interval

    package init(minTTL: Interval, maxTTL: Interval, stale: Interval) {
        self.minTTL = minTTL
        self.maxTTL = max(maxTTL, minTTL)
        self.stale = stale
    }

    func clamp(_ ttl: Interval?) -> Interval { min(max(ttl ?? minTTL, minTTL), maxTTL) }
}

/// What is known of one name, and the look-up of it that is under way. Loop-bound.
///
/// ```
///            asked         addresses          TTL            dns_serve_stale
/// unknown ─────────▶ asked ────────▶ fresh ────────▶ stale ─────────────────▶ expired
///                      │                 ▲ refreshed ahead, or when asked for
///                      ├── no such name ─▶ absent ── TTL ──▶ expired
///                      └── failed ───────▶ failed, until it may be asked again
/// ```
///
/// While a look-up of a stale name is silent or has just failed, its stale addresses serve.
final class KnownName {
    /// The addresses of one family, in the order in which they came.
    struct Family: Equatable {
        var addresses: [IPAddress] = []
        var expires = Instant.zero
    }

    enum Standing {
        case unknown
        /// The earlier of both families' expiry, not before the least TTL.
        case known(expires: Instant)
        case absent(ProxyError, until: Instant)
        /// No address that may be served; asked again after `until`.
        case failed(ProxyError, until: Instant)
    }

    struct LookUp {
        let since: Instant
        /// In the order in which they came.
        var waiters: [any AddressWaiter] = []
        var abandon: Resolver.Abandon = {}
        /// It began without a waiter: the answer will be needed soon.
        let isAhead: Bool
    }

    let key: NameKey
    private unowned let cache: AddressCache
    var lifetimes: NameLifetimes
    var standing = Standing.unknown
    var ipv4 = Family()
    var ipv6 = Family()
    /// Of both families, by preference.
    private(set) var addresses: [IPAddress] = []
    private var history = AddressHistory()
    /// The addresses that belong to the name: connections to them stay.
    private(set) var members: Set<IPAddress> = []
    var source = AddressSource.dns
    /// Of the latest answer with addresses, as it said; nil where it told none.
    var ttl: Interval?
    var answeredAt = Instant.zero
    /// Tells the look-up under way from one that was given up.
    var lookUpNumber = 0
    var lookUp: LookUp?
    /// While its look-ups fail: how many in a row, and when it may be asked again.
    var failures = 0
    var retryAt = Instant.zero
    var lastUse: Instant
    var usesSinceAnswer = 0
    var refreshAt = Instant.distantFuture
    var followers: [any AddressFollower] = []
    let timer = Deadline()

    /// How long a refresh may take before stale addresses are given instead.
    static let staleAfter = Interval.milliseconds(200)

    init(_ key: NameKey, _ lifetimes: NameLifetimes, _ cache: AddressCache, now: Instant) {
        self.key = key
        self.lifetimes = lifetimes
        self.cache = cache
        lastUse = now
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    /// Whether its addresses may serve though they have expired.
    func mayServeStale(now: Instant) -> Bool {
        guard case .known(let expires) = standing else { return false }
        return now < expires + lifetimes.stale
    }

    /// Something keeps it: it cannot make room for others.
    var isInUse: Bool { lookUp != nil || !followers.isEmpty }
}

// MARK: Answers

extension KnownName {
    /// How long a failed look-up of a name is remembered that has no addresses to serve meanwhile.
    private static let failureTime = Interval.seconds(1)

    /// Notes an answer. Returns what the waiters are told.
    func take(
        _ answer: NameAnswer, _ sort: ([IPAddress]) -> [IPAddress], now: Instant
    ) -> Result<KnownAddresses, ProxyError> {
        if !answer.isAddition {
            usesSinceAnswer = 0
            answeredAt = now
        }
        refreshAt = .distantFuture
        if answer.hasAddresses || answer.isAddition && !addresses.isEmpty {
            takeAddresses(answer, now: now)
            addresses = sort(ipv6.addresses + ipv4.addresses)
            members = history.note(addresses, now: now)
            return .success(KnownAddresses(addresses, source))
        }
        source = answer.source
        if answer.isAbsent { return .failure(takeAbsence(answer, now: now)) }
        failures += 1
        retryAt = now + AddressCache.retryInterval(failures: failures)
        if mayServeStale(now: now) { return .success(KnownAddresses(addresses, source, isStale: true)) }
        let error =
            answer.isTimeout
            ? ProxyError(.dnsTimeout, detail: "the look-up of \(key.name) took too long: \(answer.reason)")
            : ProxyError(.dnsError, detail: "the look-up of \(key.name) failed: \(answer.reason)")
        ipv4 = Family()
        ipv6 = Family()
        addresses = []
        standing = .failed(error, until: now + Self.failureTime)
        return .failure(error)
    }

    private func takeAddresses(_ answer: NameAnswer, now: Instant) {
        failures = 0
        retryAt = .zero
        source = answer.source
        if !answer.isAddition { ttl = nil }
        var expires = Instant.distantFuture
        take(answer.ipv4, &ipv4, &expires, isAddition: answer.isAddition, now: now)
        take(answer.ipv6, &ipv6, &expires, isAddition: answer.isAddition, now: now)
        standing = .known(expires: expires)
    }

    private func take(
        _ part: NameAnswer.Family, _ family: inout Family, _ expires: inout Instant, isAddition: Bool, now: Instant
    ) {
        switch part {
        case .addresses(let addresses, let ttl):
            family = Family(
                addresses: Array(addresses.prefix(NameAnswer.mostAddresses)), expires: now + lifetimes.clamp(ttl))
            self.ttl = [self.ttl, ttl].compactMap { $0 }.min()
        case .absent(let ttl): family = Family(addresses: [], expires: now + lifetimes.clamp(ttl))
        case .unknown where isAddition: break
        case .unknown:
            // That no answer came says nothing about the addresses of this family.
            if now >= family.expires + lifetimes.stale { family.addresses = [] }
            expires = min(expires, now + max(lifetimes.minTTL, Self.failureTime))
            return
        }
        // Without a bound of its own, that one family has none does not make the other's addresses expire earlier.
        if case .absent(ttl: nil) = part { return }
        expires = min(expires, family.expires)
    }

    private func takeAbsence(_ answer: NameAnswer, now: Instant) -> ProxyError {
        failures = 0
        retryAt = .zero
        ipv4 = Family()
        ipv6 = Family()
        addresses = []
        let ttl = [answer.ipv4, answer.ipv6].compactMap { part -> Interval? in
            switch part {
            case .absent(let ttl): ttl
            case .addresses, .unknown: nil
            }
        }.min()
        let error = ProxyError(.dnsError, detail: "the name \(key.name) does not resolve: \(answer.reason)")
        self.ttl = ttl
        standing = .absent(error, until: now + lifetimes.clamp(ttl))
        return error
    }
}

extension KnownName: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant { cache.deadlineReached(self, now: now) }
}
