import Pooling
import ProxyTypes
import Reactor
import Resolving
import Tuning

/// Follows the name of a pool's origin, and ends connections to addresses that the name has no more. Loop-bound.
///
/// Such a connection serves no further request: a busy one closes when its lease ends, an idle one within `closingTime`,
/// each at a random moment, so that not all close at once. If its address comes back before, it serves again.
final class AddressDrain {
    private unowned let pool: UpstreamPool
    private unowned let loop: UpstreamLoop
    private var random: SeededRandom
    private var state = State.notFollowing
    private let timer = Deadline()
    /// When idle connections close, the next one last.
    private var closings: [(due: Instant, id: ConnectionID)] = []

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
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    func opened(_ connection: UpstreamConnection) {
        guard connection.purpose == .requests, IPAddress(pool.origin.hostForLookup) == nil else { return }
        let current = currentAddresses(NameKey(pool.origin.hostForLookup, pool.settings.resolver))
        // Its dial may have begun before the answer came that holds now: then it serves what it was dialled for.
        if let address = connection.remote?.address, !current.isEmpty, !current.contains(address) {
            connection.addressLeft()
            close([(loop.now + anyWait(), connection.id)] + closings)
        }
    }

    private func anyWait() -> Interval {
        Interval(nanoseconds: Int64(random.below(Int(Self.closingTime.nanoseconds))))
    }

    private func close(_ due: [(due: Instant, id: ConnectionID)]) {
        closings = due.sorted { $0.due > $1.due }
        if let next = closings.last { loop.timer.wake(timer, at: next.due) }
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
        closings = []
        loop.timer.remove(timer)
    }

    private func closeDue(now: Instant) {
        while let next = closings.last, next.due <= now {
            closings.removeLast()
            guard let connection = pool.sockets.connection(next.id), connection.hasAddressLeft else { continue }
            // A busy one closes when it is released.
            guard connection.idleSince != nil, !connection.isLoggingIn else { continue }
            pool.machine.close(next.id, .dnsDrain, now: now, into: &pool.actions.pending)
        }
        pool.perform(now: now)
    }
}

extension AddressDrain: AddressFollower {
    func addressesChanged(to current: Set<IPAddress>) {
        guard case .following(let key, _) = state else { return }
        state = .following(key, current: current)
        let now = loop.now
        // One that had left before closes no later because yet another address has left.
        let known = Dictionary(closings.map { ($0.id, $0.due) }) { min($0, $1) }
        var due: [(due: Instant, id: ConnectionID)] = []
        for connection in pool.sockets.connections where connection.purpose == .requests {
            guard let address = connection.remote?.address else { continue }
            if current.contains(address) {
                connection.addressReturned()
            } else {
                connection.addressLeft()
                due.append((known[connection.id] ?? now + anyWait(), connection.id))
            }
        }
        close(due)
    }
}

extension AddressDrain: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        closeDue(now: now)
        return closings.last?.due ?? .distantFuture
    }
}
