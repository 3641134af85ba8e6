package import ProxyTypes
package import Resolving
import Tuning

/// A name in the cache, and what goes by it. Value.
package struct NameInUse: Sendable {
    package let name: NameSnapshot
    package let origins: [Origin]
    /// Of these origins, at each address; also at addresses that the name no longer has.
    package let connections: [IPAddress: Int]
}

extension UpstreamLoop {
    /// Those that are still known, in this order.
    package func namesInUse(_ keys: [NameKey]) -> [NameInUse] {
        var pools: [NameKey: [UpstreamPool]] = Dictionary(keys.map { ($0, []) }) { first, _ in first }
        for pool in allPools {
            pools[NameKey(pool.origin.hostForLookup, pool.settings.resolver)]?.append(pool)
        }
        return addresses.snapshots(of: keys).map { snapshot in
            let users = pools[snapshot.key] ?? []
            var connections: [IPAddress: Int] = [:]
            for pool in users { connections.merge(pool.load.connections, uniquingKeysWith: +) }
            return NameInUse(name: snapshot, origins: users.map(\.origin), connections: connections)
        }
    }

    /// Addresses and ports that dials try last, with the time that is left; and whether that holds for all of IPv6.
    package var failingAddresses: (endpoints: [(Endpoint, Interval)], isIPv6Broken: Bool) {
        let now = now
        return (
            addressHealth.all(now: now).map { ($0.endpoint, $0.until - now) }, addressHealth.isIPv6Broken(now: now)
        )
    }
}
