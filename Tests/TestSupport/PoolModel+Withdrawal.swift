import Pooling
package import ProxyTypes

/// Only idle ones: what happens to a client's own connection is left to the tests.
extension PoolModel {
    package mutating func withdraw(_ serial: Int, until: Instant, now: Instant) {
        guard idle.contains(serial), let place = place(serial), !connections[place].isWithdrawn else { return }
        if connections[place].distrustedUntil != nil {
            retire(serial, .dnsDrain)
        } else {
            noteDistrusted(place)
            connections[place].isWithdrawn = true
            connections[place].distrustedUntil = until
        }
        rebalance(now)
    }

    package mutating func restore(_ serial: Int, now: Instant) {
        guard idle.contains(serial), let place = place(serial), connections[place].isWithdrawn else { return }
        connections[place].isWithdrawn = false
        connections[place].distrustedUntil = nil
        sortIn(serial)
        if !isPaused, connections[place].deadline > now { offerIdle(now) }
        rebalance(now)
    }

    /// By how long it is idle.
    mutating func sortIn(_ serial: Int) {
        guard let place = place(serial) else { return }
        let since = connections[place].idleSince
        idle.removeAll { $0 == serial }
        let before = idle.lastIndex { other in
            !isDistrusted(other) && self.place(other).map { connections[$0].idleSince <= since } ?? false
        }
        idle.insert(serial, at: before.map { $0 + 1 } ?? 0)
    }
}
