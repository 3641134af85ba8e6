import Pooling
import ProxyTypes
import Reactor
import Resolving
import Tuning

/// Follows the name of a pool's origin, and ends connections to addresses that the name no longer has. Loop-bound.
///
/// Such a connection serves no further request: a busy one closes when its lease ends, an idle one within `closingTime`,
/// each at a random moment, so that not all close at once, or sooner where a request needs its room. If its address comes
/// back before, it serves again.
final class AddressDrain {
    private unowned let pool: UpstreamPool
    private unowned let loop: UpstreamLoop
    private var random: SeededRandom
    private var state = State.notFollowing

    private enum State {
        /// No connection is open that is pooled, or the origin's host is an address.
        case notFollowing
        /// `current` is empty where no address is known.
        case following(NameKey, current: Set<IPAddress>)
    }

    static let closingTime = Interval.seconds(10)

    init(_ pool: UpstreamPool, _ loop: UpstreamLoop, seed: UInt64) {
        self.pool = pool
        self.loop = loop
        random = SeededRandom(seed: seed)
    }

    func opened(_ connection: UpstreamConnection) {
        guard connection.purpose == .requests, IPAddress(pool.origin.hostForLookup) == nil else { return }
        let current = currentAddresses(NameKey(pool.origin.hostForLookup, pool.settings.resolver))
        // Its dial may have begun before the answer came that holds now: then it serves what it was dialled for.
        if let address = connection.remote?.address, !current.isEmpty, !Self.belongs(address, to: current) {
            connection.addressLeft()
        }
    }

    /// One that was dialled at 0.0.0.0 or :: has come to a loopback address.
    private static func belongs(_ address: IPAddress, to current: Set<IPAddress>) -> Bool {
        current.contains(address) || address.isLoopback && current.contains { $0.isUnspecified }
    }

    /// A connection that has opened is leased or idle now.
    func settled(_ id: ConnectionID, now: Instant) {
        guard let connection = pool.sockets.connection(id), connection.hasAddressLeft else { return }
        withdraw(connection, now: now)
    }

    private func withdraw(_ connection: UpstreamConnection, now: Instant) {
        let wait = Interval(nanoseconds: Int64(random.below(Int(Self.closingTime.nanoseconds))))
        pool.machine.withdraw(connection.id, until: now + wait, now: now, into: &pool.actions.pending)
    }

    /// Follows the name from now on.
    private func currentAddresses(_ key: NameKey) -> Set<IPAddress> {
        switch state {
        case .following(key, let current): return current
        case .following(let other, _): loop.addresses.unfollow(other, by: self)
        case .notFollowing: break
        }
        let current = loop.addresses.follow(key, NameLifetimes(pool.settings), by: self)
        state = .following(key, current: current)
        return current
    }

    /// The pool has no connection any more, or is dropped.
    func stop() {
        switch state {
        case .notFollowing: return
        case .following(let key, _): loop.addresses.unfollow(key, by: self)
        }
        state = .notFollowing
    }
}

extension AddressDrain: AddressFollower {
    func addressesChanged(to current: Set<IPAddress>) {
        guard case .following(let key, _) = state else { return }
        state = .following(key, current: current)
        let now = loop.now
        for connection in pool.sockets.connections where connection.purpose == .requests {
            guard let address = connection.remote?.address else { continue }
            if Self.belongs(address, to: current) {
                connection.addressReturned()
                pool.machine.restore(connection.id, now: now, into: &pool.actions.pending)
            } else {
                connection.addressLeft()
                withdraw(connection, now: now)
            }
        }
        pool.perform(now: now)
    }
}
