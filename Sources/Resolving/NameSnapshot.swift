package import ProxyTypes

/// A name in the cache as an operator sees it. Value.
package struct NameSnapshot: Sendable {
    package enum State: String, Sendable {
        case fresh, stale, expired, absent, failed, unknown
    }

    package let key: NameKey
    package let state: State
    package let addresses: [IPAddress]
    /// Nil before the first answer.
    package let source: AddressSource?
    package let ttl: Interval?
    package let age: Interval?
    /// Nil where there was no answer.
    package let expiresIn: Interval?
    package let refreshIn: Interval?
    package let isLookedUp: Bool
    package let failures: Int
    package let error: String?
}

extension AddressCache {
    /// In no order: to sort very many would hold the loop up. Nil: all names.
    package func keys(of wanted: String?) -> [NameKey] {
        wanted == nil ? Array(names.keys) : names.keys.filter { $0.name == wanted }
    }

    /// Those that are still known, in this order.
    package func snapshots(of keys: [NameKey]) -> [NameSnapshot] {
        let now = now
        return keys.compactMap { names[$0]?.snapshot(now: now) }
    }
}

extension KnownName {
    fileprivate func snapshot(now: Instant) -> NameSnapshot {
        let (state, until, error): (NameSnapshot.State, Instant?, String?) =
            switch standing {
            case .unknown: (.unknown, nil, nil)
            case .known(let expires) where now < expires: (.fresh, expires, nil)
            case .known(let expires): (mayServeStale(now: now) ? .stale : .expired, expires, nil)
            case .absent(let error, let until): (.absent, until, error.detail)
            case .failed(let error, let until): (.failed, until, error.detail)
            }
        let wasAnswered = answeredAt > .zero
        return NameSnapshot(
            key: key, state: state, addresses: addresses, source: wasAnswered ? source : nil, ttl: ttl,
            age: wasAnswered ? now - answeredAt : nil, expiresIn: until.map { $0 - now },
            refreshIn: refreshAt < .distantFuture ? refreshAt - now : nil, isLookedUp: lookUp != nil,
            failures: failures, error: error)
    }
}
