/// The resolver and its cache: `GET /v1/dns`. Value.
package struct DNSReport: Codable, Sendable {
    /// Asked in turn, with the port where it is not 53.
    package var servers: [String] = []
    package var search: [String] = []
    /// Names with fewer dots are first looked for in the search domains.
    package var ndots = 1
    /// Of one try with one server.
    package var timeoutMs: Int64 = 0
    package var attempts = 0
    package var resolvConf = ""
    package var hosts = ""
    /// Names in the hosts file.
    package var hostsNames = 0
    /// Whether nsswitch.conf names sources besides the hosts file and DNS, which `resolver: auto` asks too.
    package var systemKnowsMore = false
    /// Why DNS cannot be asked.
    package var failure: String?
    /// In the cache.
    package var names = 0
    package var lookupsUnderWay = 0
    /// Since connd was started: what dials got from the cache (`fresh`, `stale`, `negative`, `asked`, `joined`, `refused`).
    package var uses: [String: Int] = [:]
    /// How look-ups ended (`addresses`, `no_such_name`, `failed`, `timed_out`, `abandoned`).
    package var lookups: [String: Int] = [:]
    /// Where addresses came from (`dns`, `hosts`, `system`, `loopback`).
    package var answers: [String: Int] = [:]
    /// Look-ups ahead of need.
    package var refreshes = 0
    /// Names that got other addresses.
    package var moves = 0
    package var lookupTime = Distribution()
    /// Whether all of IPv6 is tried last, because nothing answers by it on this network.
    package var ipv6Broken = false
    /// Addresses that dials try last, because they failed lately.
    package var failingAddresses: [FailingAddressReport] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case servers
        case search
        case ndots
        case timeoutMs = "timeout_ms"
        case attempts
        case resolvConf = "resolv_conf"
        case hosts
        case hostsNames = "hosts_names"
        case systemKnowsMore = "system_knows_more"
        case failure
        case names
        case lookupsUnderWay = "lookups_under_way"
        case uses
        case lookups
        case answers
        case refreshes
        case moves
        case lookupTime = "lookup_time"
        case ipv6Broken = "ipv6_broken"
        case failingAddresses = "failing_addresses"
    }
}

/// An address and port that dials try last. Value.
package struct FailingAddressReport: Codable, Sendable {
    package var address = ""
    /// For how long.
    package var remainingMs: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case address
        case remainingMs = "remaining_ms"
    }
}

/// A name in the cache: an item of `GET /v1/dns/names`. Value.
package struct NameReport: Codable, Sendable {
    package var name = ""
    /// Who is asked: `auto`, `dns` or `system`.
    package var resolver = ""
    /// `fresh`, `stale`, `expired`, `absent` (no such name, or no address), `failed` or `unknown`.
    package var state = ""
    /// By preference.
    package var addresses: [NameAddressReport] = []
    /// Who answered: `dns`, `hosts`, `system` or `loopback`; null before the first answer.
    package var source: String?
    /// As the answer said, before `dns_min_ttl` and `dns_max_ttl`; null where it told none.
    package var ttlMs: Int64?
    /// Since the latest answer.
    package var ageMs: Int64?
    /// Negative where it has expired; null without an answer.
    package var expiresInMs: Int64?
    /// Until it is looked up ahead of need; null where it is not.
    package var refreshInMs: Int64?
    package var isLookedUp = false
    /// Failed look-ups in a row.
    package var failures = 0
    package var error: String?
    /// Origins with connections, or that have been used lately, that go by this name.
    package var origins: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case resolver
        case state
        case addresses
        case source
        case ttlMs = "ttl_ms"
        case ageMs = "age_ms"
        case expiresInMs = "expires_in_ms"
        case refreshInMs = "refresh_in_ms"
        case isLookedUp = "is_looked_up"
        case failures
        case error
        case origins
    }
}

/// One address of a name. Value.
package struct NameAddressReport: Codable, Sendable {
    package var address = ""
    /// Of the name's origins.
    package var connections = 0
    /// False for one that has left the name and still has connections.
    package var isCurrent = true

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case address
        case connections
        case isCurrent = "is_current"
    }
}

/// The result of `DELETE /v1/dns/names`. Value.
package struct FlushedNamesReport: Codable, Sendable {
    package var flushed = 0

    package init() {}
}

/// The body of `POST /v1/dns/refresh`. Value.
package struct NameRefreshRequest: Codable, Sendable {
    package var name = ""
    package var reason: String?

    package init(name: String, reason: String?) {
        self.name = name
        self.reason = reason
    }
}

/// The result of `POST /v1/dns/refresh`. Value.
package struct NameRefreshReport: Codable, Sendable {
    /// Look-ups: one for each way in which the name is asked for. 0: it is not in the cache.
    package var lookups = 0

    package init() {}
}
