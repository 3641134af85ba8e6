import ProxyTypes

/// What operators and changed files want of what is known.
extension AddressCache {
    /// The next use looks the name up again.
    package func expire(_ key: NameKey) {
        guard let name = names[key] else { return }
        let now = self.now
        name.retryAt = .zero
        name.ipv4.expires = min(name.ipv4.expires, now)
        name.ipv6.expires = min(name.ipv6.expires, now)
        switch name.standing {
        case .known(let expires): name.standing = .known(expires: min(expires, now))
        case .absent, .failed: name.standing = .unknown
        case .unknown: break
        }
    }

    /// Forgets names that are not in use. One with connections or a look-up under way expires instead, and with connections
    /// is looked up again at once: until that is answered, its addresses may serve as stale ones. Nil: all names. Returns
    /// how many were known.
    package func flush(_ wanted: String?) -> Int {
        let chosen = sorted { wanted == nil || $0.key.name == wanted }
        for name in chosen {
            if name.isInUse {
                expire(name.key)
                if !name.followers.isEmpty, name.lookUp == nil { lookUp(name, isAhead: true) }
            } else {
                forget(name)
            }
        }
        return chosen.count
    }

    /// Looks it up now. Returns how many look-ups that is: one for each way in which it is asked for.
    package func refresh(_ wanted: String) -> Int {
        let chosen = sorted { $0.key.name == wanted }
        for name in chosen where name.lookUp == nil {
            name.retryAt = .zero
            lookUp(name, isAhead: true)
        }
        return chosen.count
    }

    /// In the order of their names: nothing may depend on the order of a dictionary.
    func sorted(where isWanted: (KnownName) -> Bool) -> [KnownName] {
        names.values.filter(isWanted).sorted {
            ($0.key.name, $0.key.mode.rawValue) < ($1.key.name, $1.key.mode.rawValue)
        }
    }

    /// The sources have changed: every name is looked up again when it is used next, and those that are followed soon.
    package func expireAll() {
        for name in names.values { expire(name.key) }
        for name in sorted(where: { !$0.followers.isEmpty && $0.lookUp == nil }) {
            name.refreshAt = .distantFuture
            scheduleRefresh(name, now: now)
        }
    }
}
