package import Metering
package import ProxyTypes
package import Reactor

/// Waits for the addresses of a name. Loop-bound.
package protocol AddressWaiter: AnyObject {
    func resolved(_ result: Result<KnownAddresses, ProxyError>)
}

/// Has connections to a name's addresses, and is told when the addresses change. Loop-bound.
package protocol AddressFollower: AnyObject {
    /// Those that belong to the name now; never empty.
    func addressesChanged(to addresses: Set<IPAddress>)
}

/// The addresses of a name, and where they are from. Value.
package struct KnownAddresses: Equatable, Sendable {
    package var addresses: [IPAddress]
    package var source: AddressSource
    package var isStale = false

    package init(_ addresses: [IPAddress], _ source: AddressSource, isStale: Bool = false) {
        self.addresses = addresses
        self.source = source
        self.isStale = isStale
    }
}

/// A name, and who is asked for it. Value.
package struct NameKey: Hashable, Sendable {
    package let name: String
    package let mode: ResolverMode

    package init(_ name: String, _ mode: ResolverMode) {
        self.name = name
        self.mode = mode
    }
}

/// The addresses of each name as last looked up, and the look-ups under way: one at a time per name, each independent of
/// those of other names (`KnownName`). Names that connections are open to, and names that are asked for often, are refreshed
/// before they expire. Loop-bound.
package final class AddressCache {
    private let resolver: Resolver
    private let sort: ([IPAddress]) -> [IPAddress]
    private unowned let reactor: Reactor
    private var random: SeededRandom
    private(set) var names: [NameKey: KnownName] = [:]
    private var underWay = 0
    package private(set) var statistics = NameStatistics()

    private static let maxNames = 20_000
    static let maxLookUps = 1_024
    /// Wakes when too many look-ups are under way and the oldest may give way.
    let crowding = Deadline()
    /// More refreshes wait until some of these are over: those who ask come first.
    private static let refreshesAtOnce = 256
    /// The same, for names with connections.
    private static let followedRefreshesAtOnce = 768
    /// A name is not refreshed sooner than this after its last answer, however short the TTL.
    private static let refreshInterval = Interval.seconds(1)
    private static let refreshPause = Interval.milliseconds(50)
    /// A failed look-up is repeated after this, and then after twice as long each time.
    private static let firstRetry = Interval.seconds(1)
    private static let lastRetry = Interval.seconds(30)

    /// `sort`: by preference, those first that should be tried first.
    package init(
        resolver: Resolver, reactor: Reactor, seed: UInt64, sort: @escaping ([IPAddress]) -> [IPAddress] = { $0 }
    ) {
        self.resolver = resolver
        self.sort = sort
        self.reactor = reactor
        random = SeededRandom(seed: seed)
        crowding.owner = self
    }

    deinit {
        crowding.owner = nil
    }

    package var lookUpsUnderWay: Int { underWay }
    var now: Instant { reactor.now }
    package var nameCount: Int { names.count }

    // MARK: Asking

    /// The result where it is known at once. Nil: the waiter is told later, from the loop, unless it cancels; it is kept
    /// alive until then.
    package func resolve(
        _ key: NameKey, _ lifetimes: NameLifetimes, for waiter: any AddressWaiter
    ) -> Result<KnownAddresses, ProxyError>? {
        let now = reactor.now
        if underWay >= Self.maxLookUps {
            if let known = resolver.known(key.name, key.mode) { return take(known, key, lifetimes) }
            // Names that are only refused must not push others out.
            if names[key] == nil { return refused() }
        }
        let name = name(key, lifetimes)
        name.lastUse = now
        name.usesSinceAnswer += 1
        if let known = answer(of: name, now: now) { return known }
        if name.lookUp == nil {
            guard underWay < Self.maxLookUps else { return withoutLookUp(name, now: now) }
            lookUp(name, isAhead: false)
            // Some answers need no waiting; they are for this use, however short they hold.
            if name.lookUp == nil { return answer(of: name, now: now) ?? outcome(of: name) }
            statistics.uses[.asked] += 1
        } else {
            statistics.uses[.joined] += 1
        }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.secondLookUpForgotten), name.lookUp?.waiters.isEmpty == false { return nil }
        #endif
        name.lookUp?.waiters.append(waiter)
        if name.mayServeStale(now: now), let since = name.lookUp?.since {
            reactor.timer.wake(name.timer, at: since + KnownName.staleAfter)
        }
        return nil
    }

    /// What is known without a look-up, for which there is no room.
    private func take(
        _ known: NameAnswer, _ key: NameKey, _ lifetimes: NameLifetimes
    ) -> Result<KnownAddresses, ProxyError> {
        let name = name(key, lifetimes)
        name.lastUse = reactor.now
        statistics.uses[.asked] += 1
        return answered(name, known)
    }

    /// There is no room for a look-up.
    private func withoutLookUp(_ name: KnownName, now: Instant) -> Result<KnownAddresses, ProxyError> {
        guard name.mayServeStale(now: now) else { return refused() }
        statistics.uses[.stale] += 1
        return .success(known(name, isStale: true))
    }

    /// Of a look-up that was over when it began.
    private func outcome(of name: KnownName) -> Result<KnownAddresses, ProxyError> {
        statistics.uses[.asked] += 1
        switch name.standing {
        case .known: return .success(known(name))
        case .absent(let error, _), .failed(let error, _): return .failure(error)
        case .unknown: return refused()
        }
    }

    private func refused() -> Result<KnownAddresses, ProxyError> {
        statistics.uses[.refused] += 1
        return .failure(ProxyError(.dnsError, detail: "too many name look-ups are under way"))
    }

    /// What the cache can answer at once; nil: a look-up has to answer.
    private func answer(of name: KnownName, now: Instant) -> Result<KnownAddresses, ProxyError>? {
        switch name.standing {
        case .unknown: return nil
        case .known(let expires) where now < expires:
            statistics.uses[.fresh] += 1
            scheduleRefresh(name, now: now)
            return .success(known(name))
        case .known:
            guard name.mayServeStale(now: now) else { return nil }
            if let lookUp = name.lookUp {
                guard now >= lookUp.since + KnownName.staleAfter else { return nil }
            } else {
                guard now < name.retryAt else { return nil }
            }
            statistics.uses[.stale] += 1
            return .success(known(name, isStale: true))
        case .absent(let error, let until), .failed(let error, let until):
            guard now < until, name.lookUp == nil else { return nil }
            statistics.uses[.negative] += 1
            return .failure(error)
        }
    }

    /// The waiter is not told. A look-up that has no waiter left is abandoned, unless it is a refresh or the name is
    /// followed.
    package func cancel(_ key: NameKey, for waiter: any AddressWaiter) {
        guard let name = names[key], name.lookUp != nil else { return }
        name.lookUp?.waiters.removeAll { $0 === waiter }
        guard name.lookUp?.waiters.isEmpty == true, name.lookUp?.isAhead == false, name.followers.isEmpty else {
            return
        }
        end(name)?.abandon()
        statistics.lookUps[.abandoned] += 1
    }

    // MARK: Following

    /// The follower is told of each change until it unfollows, and the name is kept fresh. Returns the addresses that belong
    /// to the name now; empty where none is known.
    package func follow(
        _ key: NameKey, _ lifetimes: NameLifetimes, by follower: any AddressFollower
    ) -> Set<IPAddress> {
        let name = name(key, lifetimes)
        if !name.followers.contains(where: { $0 === follower }) {
            name.followers.append(follower)
            scheduleRefresh(name, now: reactor.now)
        }
        return name.members
    }

    package func unfollow(_ key: NameKey, by follower: any AddressFollower) {
        names[key]?.followers.removeAll { $0 === follower }
    }

    // MARK: Look-ups

    private func name(_ key: NameKey, _ lifetimes: NameLifetimes) -> KnownName {
        if let name = names[key] {
            name.lifetimes = lifetimes
            return name
        }
        makeRoom()
        let name = KnownName(key, lifetimes, self, now: reactor.now)
        names[key] = name
        return name
    }

    func lookUp(_ name: KnownName, isAhead: Bool) {
        name.refreshAt = .distantFuture
        name.lookUpNumber += 1
        let number = name.lookUpNumber
        name.lookUp = KnownName.LookUp(since: reactor.now, isAhead: isAhead)
        underWay += 1
        if underWay == Self.maxLookUps { reactor.timer.wake(crowding, at: crowdingEnds) }
        let abandon = resolver.lookUp(name.key.name, name.key.mode) { [weak self, weak name] answer in
            guard let self, let name, name.lookUpNumber == number else { return }
            answered(name, answer)
        }
        name.lookUp?.abandon = abandon
    }

    /// No look-up of it is under way any more.
    private func end(_ name: KnownName) -> KnownName.LookUp? {
        guard let lookUp = name.lookUp else { return nil }
        name.lookUp = nil
        underWay -= 1
        return lookUp
    }

    /// Called again where the answer for one family comes later than the other's.
    @discardableResult
    func answered(_ name: KnownName, _ answer: NameAnswer) -> Result<KnownAddresses, ProxyError> {
        let now = reactor.now
        let before = name.members
        let ended = end(name)
        if let ended { count(answer, took: now - ended.since) }
        let result = name.take(answer, sort, now: now)
        tellFollowers(name, before)
        scheduleRefresh(name, now: now)
        for waiter in ended?.waiters ?? [] { waiter.resolved(result) }
        return result
    }

    /// A name that has no address for the moment leaves its connections alone.
    private func tellFollowers(_ name: KnownName, _ before: Set<IPAddress>) {
        guard before != name.members else { return }
        if !before.isEmpty { statistics.moves += 1 }
        for follower in name.followers { follower.addressesChanged(to: name.members) }
    }

    private func count(_ answer: NameAnswer, took time: Interval) {
        statistics.lookUpTime.record(microseconds: time.microseconds)
        let outcome: LookUpOutcome =
            answer.hasAddresses ? .addresses : answer.isAbsent ? .none : answer.isTimeout ? .timedOut : .failed
        statistics.lookUps[outcome] += 1
        if answer.hasAddresses { statistics.answers[answer.source] += 1 }
    }

    private func known(_ name: KnownName, isStale: Bool = false) -> KnownAddresses {
        KnownAddresses(name.addresses, name.source, isStale: isStale)
    }

    // MARK: Time

    /// Somewhat before it expires, and not all names at once.
    func scheduleRefresh(_ name: KnownName, now: Instant) {
        guard name.lookUp == nil, !name.followers.isEmpty || name.usesSinceAnswer > 1 else { return }
        guard name.refreshAt == .distantFuture else { return }
        switch name.standing {
        case .known(let expires):
            let life = max(expires - name.answeredAt, .zero).nanoseconds
            let ahead = life / 20 + Int64(random.below(Int(max(life / 10, 1))))
            let due = expires - now - Interval(nanoseconds: ahead)
            name.refreshAt = max(now + max(due, Self.refreshInterval), name.retryAt)
        case .absent(_, let until), .failed(_, let until):
            guard !name.followers.isEmpty else { return }
            name.refreshAt = max(until, now + Self.refreshInterval)
        // Connections are there, and the name has never been asked for: it was flushed.
        case .unknown: name.refreshAt = max(name.retryAt, now)
        }
        reactor.timer.wake(name.timer, at: name.refreshAt)
    }

    func deadlineReached(_ name: KnownName, now: Instant) -> Instant {
        if let lookUp = name.lookUp {
            let due = lookUp.since + KnownName.staleAfter
            guard !lookUp.waiters.isEmpty, name.mayServeStale(now: now) else { return .distantFuture }
            guard now >= due else { return due }
            let waiters = lookUp.waiters
            name.lookUp?.waiters = []
            statistics.uses[.stale] += waiters.count
            let stale = known(name, isStale: true)
            for waiter in waiters { waiter.resolved(.success(stale)) }
            return .distantFuture
        }
        guard name.refreshAt < .distantFuture else { return .distantFuture }
        guard now >= name.refreshAt else { return name.refreshAt }
        // The name is no longer in use.
        guard !name.followers.isEmpty || name.usesSinceAnswer > 1 else {
            name.refreshAt = .distantFuture
            return .distantFuture
        }
        // Names with connections are not to expire because others hang.
        guard underWay < (name.followers.isEmpty ? Self.refreshesAtOnce : Self.followedRefreshesAtOnce) else {
            name.refreshAt = now + Self.refreshPause
            return name.refreshAt
        }
        statistics.refreshes += 1
        lookUp(name, isAhead: true)
        return name.lookUp == nil ? name.refreshAt : .distantFuture
    }

    // MARK: Room

    func forget(_ name: KnownName) {
        reactor.timer.remove(name.timer)
        names[name.key] = nil
    }

    /// The least recently used go first; the name decides between equals, so that the same events always lead to the same
    /// names. Times are sorted rather than names, which would take the loop ten times as long.
    private func makeRoom() {
        guard names.count >= Self.maxNames else { return }
        let unused = names.values.filter { !$0.isInUse }
        let times = unused.map(\.lastUse.nanoseconds).sorted()
        let count = min(Self.maxNames / 10, times.count)
        guard count > 0 else { return }
        let last = times[count - 1]
        let older = unused.filter { $0.lastUse.nanoseconds < last }
        for name in older { forget(name) }
        let equals = sorted { !$0.isInUse && $0.lastUse.nanoseconds == last }
        for name in equals.prefix(count - older.count) { forget(name) }
    }

    static func retryInterval(failures: Int) -> Interval {
        let doubled = firstRetry.nanoseconds << Int64(min(max(failures - 1, 0), 10))
        return min(Interval(nanoseconds: doubled), lastRetry)
    }
}
