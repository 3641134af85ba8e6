import AdminAPI
import AdminModels
import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Resolving
import Tuning
import Upstream

/// Names and the resolver.
extension LiveAdminBackend {
    func dns() async -> DNSReport {
        struct Facts: Sendable {
            let description: HostResolver.Description?
            let statistics: NameStatistics
            let names: Int
            let underWay: Int
            let failing: [(Endpoint, Interval)]
            let isIPv6Broken: Bool
        }
        let facts = await mailbox.run { loop in
            let upstream = loop.upstream
            let failing = upstream.failingAddresses
            return Facts(
                description: upstream.hostResolver?.description, statistics: upstream.addresses.statistics,
                names: upstream.addresses.nameCount, underWay: upstream.addresses.lookUpsUnderWay,
                failing: failing.endpoints, isIPv6Broken: failing.isIPv6Broken)
        }
        var report = DNSReport()
        if let description = facts.description { report.take(description) }
        report.take(facts.statistics)
        report.names = facts.names
        report.lookupsUnderWay = facts.underWay
        report.ipv6Broken = facts.isIPv6Broken
        report.failingAddresses = facts.failing.map { endpoint, remaining in
            var address = FailingAddressReport()
            address.address = endpoint.description
            address.remainingMs = remaining.wholeMilliseconds
            return address
        }
        return report
    }

    func names(_ page: PageRequest, name: String?) async throws(AdminRefusal) -> Page<NameReport> {
        let wanted = name.map { $0.lowercased() }
        // The loop gives the names as they come, and then what it knows of one page of them.
        let keys = await mailbox.run { $0.upstream.addresses.keys(of: wanted) }
            .sorted { ($0.name, $0.mode.rawValue) < ($1.name, $1.mode.rawValue) }
        let (items, next) = try Self.slice(keys, page)
        let chosen = Array(items)
        let names = await mailbox.run { $0.upstream.namesInUse(chosen) }
        return Page(items: names.map { NameReport($0) }, nextCursor: next, total: keys.count)
    }

    func flushNames(_ name: String?, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> FlushedNamesReport
    {
        let reason = try Self.checked(reason: reason)
        let wanted = name.map { $0.lowercased() }
        var report = FlushedNamesReport()
        report.flushed = await mailbox.run { $0.upstream.addresses.flush(wanted) }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .namesFlushed,
                subject: wanted ?? AuditEntry.everything, reason: reason))
        return report
    }

    func refreshName(_ request: NameRefreshRequest, actor: AdminActor)
        async throws(AdminRefusal) -> NameRefreshReport
    {
        let reason = try Self.checked(reason: request.reason)
        let wanted = request.name.lowercased()
        var report = NameRefreshReport()
        report.lookups = await mailbox.run { $0.upstream.addresses.refresh(wanted) }
        guard report.lookups > 0 else {
            throw .notFound("`\(request.name)` is not in the cache: it is looked up when a request needs it")
        }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .nameRefreshed, subject: wanted, reason: reason))
        return report
    }
}

extension DNSReport {
    fileprivate mutating func take(_ description: HostResolver.Description) {
        servers = description.servers
        search = description.domains
        ndots = description.minDots
        timeoutMs = description.timeout.wholeMilliseconds
        attempts = description.attempts
        resolvConf = description.paths.resolvConf
        hosts = description.paths.hosts
        hostsNames = description.hostsNames
        systemKnowsMore = description.systemKnowsMore
        failure = description.failure
    }

    fileprivate mutating func take(_ statistics: NameStatistics) {
        uses = Self.named(statistics.uses) { $0.name }
        lookups = Self.named(statistics.lookUps) { $0.name }
        answers = Self.named(statistics.answers) { $0.name }
        refreshes = statistics.refreshes
        moves = statistics.moves
        lookupTime = Distribution(statistics.lookUpTime)
    }

    private static func named<Label>(_ counts: Counters<Label>, _ name: (Label) -> String) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counts.nonZero.map { (name($0.label), $0.count) })
    }
}

extension NameReport {
    fileprivate init(_ used: NameInUse) {
        self.init()
        let known = used.name
        name = known.key.name
        resolver = known.key.mode.rawValue
        state = known.state.rawValue
        let left = used.connections.keys.filter { !known.addresses.contains($0) }.sorted()
        addresses = (known.addresses + left).enumerated().map { index, address in
            var report = NameAddressReport()
            report.address = address.description
            report.connections = used.connections[address] ?? 0
            report.isCurrent = index < known.addresses.count
            return report
        }
        source = known.source?.name
        ttlMs = known.ttl?.wholeMilliseconds
        ageMs = known.age?.wholeMilliseconds
        expiresInMs = known.expiresIn?.wholeMilliseconds
        refreshInMs = known.refreshIn?.wholeMilliseconds
        isLookedUp = known.isLookedUp
        failures = known.failures
        error = known.error
        origins = used.origins.map(\.description)
    }
}
