package import ProxyTypes

/// CONNECT: each opens a connection of its own, which is never pooled. `max_tunnels` bounds those that wait, are being
/// dialled or are open; the total budget counts them like the pool's connections. While it has no room, or local ports are
/// short, CONNECTs wait as requests do: in turn, and within `max_queue` and `queue_timeout`.
///
/// A failed dial refuses its own CONNECT only. It does not count for `Backoff`, which protects an origin from the dials
/// of its pool.
extension OriginPool {
    package mutating func openTunnel(
        _ waiter: WaiterID, client: ClientID, now: Instant, into actions: inout [PoolAction]
    ) {
        guard !isShutDown else {
            actions.append(.refuse(waiter, .draining))
            return
        }
        guard tunnelQueue.count + table.counts.tunnelDials + table.counts.tunnels < policy.maxTunnels else {
            actions.append(.refuse(waiter, .tunnelLimit))
            return
        }
        guard !tunnelQueue.contains(waiter) else {
            Invariant.broken("a waiting CONNECT asks again")
            return
        }
        let deadline = now + policy.queueTimeout
        tunnelQueue.append(waiter, LeaseRequest(client: client), since: now, deadline: deadline)
        waiterDue = min(waiterDue, deadline)
        rebalance(now: now, into: &actions)
        guard tunnelQueue.contains(waiter), tunnelQueue.count > policy.maxQueue || policy.queueTimeout <= .zero else {
            return
        }
        _ = tunnelQueue.remove(waiter)
        actions.append(.refuse(waiter, refusalForWaitingTunnel))
        rebalance(now: now, into: &actions)
    }

    var refusalForWaitingTunnel: Refusal {
        if isPaused { return .paused }
        return portsPermitTunnels ? .connectionLimit : .portsShort
    }

    mutating func tryDialTunnel(inTurn: Bool, now: Instant, into actions: inout [PoolAction]) -> Bool {
        guard !tunnelQueue.isEmpty, portsPermitTunnel(now: now), takeFromTotal(inTurn: inTurn, now: now) else {
            return false
        }
        guard let waiter = tunnelQueue.takeOrdinary() else {
            total.giveBack()
            return false
        }
        takePort()
        let request = TunnelRequest(
            waiter: waiter.id, client: waiter.request.client, since: waiter.since, deadline: waiter.deadline)
        let index = table.add(.tunnel(request), epoch: backoff.epoch, now: now)
        actions.append(.dialTunnel(table.id(index), waiter.id))
        return true
    }

    /// Its dial has succeeded. It is granted even where a limit has been lowered meanwhile.
    mutating func openTunnel(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        guard case .tunnel(let request) = table.slots[index].purpose else {
            Invariant.broken("a tunnel was dialled for no CONNECT")
            return
        }
        table.slots[index].openedAt = now
        table.move(index, to: .tunnel)
        actions.append(.grant(request.waiter, table.id(index), reused: false))
    }

    /// Its dial has failed.
    mutating func refuseTunnel(_ index: Int, into actions: inout [PoolAction]) {
        if case .tunnel(let request) = table.slots[index].purpose {
            actions.append(.refuse(request.waiter, .dialFailing))
        }
        forget(index)
    }

    /// The CONNECT waits no longer, and the dial under way for it is given up. False where there is neither.
    mutating func cancelTunnel(_ waiter: WaiterID, into actions: inout [PoolAction]) -> Bool {
        if tunnelQueue.remove(waiter) { return true }
        guard let index = table.tunnelDial(for: waiter) else { return false }
        actions.append(.cancelDial(table.id(index)))
        forget(index)
        return true
    }

    mutating func refuseTunnels(_ refusal: Refusal, into actions: inout [PoolAction]) {
        while let waiter = tunnelQueue.takeOrdinary() { actions.append(.refuse(waiter.id, refusal)) }
    }
}
