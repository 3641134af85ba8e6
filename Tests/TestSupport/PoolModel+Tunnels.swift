package import Pooling
package import ProxyTypes

/// CONNECTs, and the connections dialled for them.
extension PoolModel {
    package mutating func openTunnel(_ id: WaiterID, _ client: ClientID, now: Instant) {
        if isShutDown { return actions.append(.refuse(id, .draining)) }
        if tunnels.count + tunnelWaiters.count >= policy.maxTunnels { return actions.append(.refuse(id, .tunnelLimit)) }
        tunnelWaiters.append(
            Waiter(id: id, request: LeaseRequest(client: client), since: now, deadline: now + policy.queueTimeout))
        if !tunnelTurns.contains(client) { tunnelTurns.append(client) }
        rebalance(now)
        guard tunnelWaiters.contains(where: { $0.id == id }) else { return }
        if tunnelWaiters.count > policy.maxQueue || policy.queueTimeout <= .zero {
            stopWaitingForTunnel(id)
            actions.append(.refuse(id, refusalOfTunnels))
            rebalance(now)
        }
    }

    package mutating func tunnelDialEnded(_ serial: Int, succeeded: Bool, now: Instant) {
        guard let place = tunnels.firstIndex(where: { $0.serial == serial }) else { return }
        if succeeded {
            tunnels[place].isOpen = true
            actions.append(.grant(tunnels[place].waiter.id, serial, reused: false))
            if portDelay.failures > 0 {
                portDelay.failures = 0
                rebalance(now)
            }
        } else {
            actions.append(.refuse(tunnels[place].waiter.id, .dialFailing))
            tunnels.remove(at: place)
            rebalance(now)
        }
    }

    package mutating func tunnelClosed(_ serial: Int, now: Instant) {
        tunnels.removeAll { $0.serial == serial }
        rebalance(now)
    }

    mutating func cancelTunnel(_ id: WaiterID) -> Bool {
        if stopWaitingForTunnel(id) { return true }
        guard let place = tunnels.firstIndex(where: { $0.waiter.id == id && !$0.isOpen }) else { return false }
        actions.append(.cancelDial(tunnels[place].serial))
        tunnels.remove(at: place)
        return true
    }

    var nextTunnel: Waiter? {
        guard let client = tunnelTurns.first else { return nil }
        return tunnelWaiters.first { $0.request.client == client }
    }

    @discardableResult
    mutating func stopWaitingForTunnel(_ id: WaiterID) -> Bool {
        guard let place = tunnelWaiters.firstIndex(where: { $0.id == id }) else { return false }
        let client = tunnelWaiters.remove(at: place).request.client
        if !tunnelWaiters.contains(where: { $0.request.client == client }) { tunnelTurns.removeAll { $0 == client } }
        return true
    }

    /// It waits no longer, and its client comes last now.
    mutating func takeTurn(_ waiter: Waiter) {
        stopWaitingForTunnel(waiter.id)
        if let turn = tunnelTurns.firstIndex(of: waiter.request.client) {
            tunnelTurns.remove(at: turn)
            tunnelTurns.append(waiter.request.client)
        }
    }

    mutating func dialTunnel(_ now: Instant, inTurn: Bool) -> Bool {
        guard let waiter = nextTunnel, totalRoom(inTurn: inTurn) > 0, portsLeft != 0, portIsTried(now) else {
            return false
        }
        takeTurn(waiter)
        if let portsLeft { self.portsLeft = portsLeft - 1 }
        tunnels.append(Tunnel(serial: dials, waiter: waiter))
        actions.append(.dialTunnel(dials, waiter.id))
        dials += 1
        lastServed = now
        return true
    }

    mutating func dialForTunnelsAndRequests(_ now: Instant) {
        while !tunnelWaiters.isEmpty, dialNext(now, inTurn: false) {}
    }

    /// Retries first, then those that wait longest.
    mutating func dialNext(_ now: Instant, inTurn: Bool) -> Bool {
        var requestIsFirst = waiters.count > usefulDials
        if let tunnel = tunnelWaiters.first, let request = waiters.first, tunnel.since < request.since, !retryWaits {
            requestIsFirst = false
        }
        if requestIsFirst { return dial(now, inTurn: inTurn) || dialTunnel(now, inTurn: inTurn) }
        if dialTunnel(now, inTurn: inTurn) { return true }
        return waiters.count > usefulDials && dial(now, inTurn: inTurn)
    }
}
