package import Pooling
package import ProxyTypes

/// Local ports, of which there are only so many for one destination.
extension PoolModel {
    package mutating func apply(_ supply: PortSupply, now: Instant) {
        switch supply {
        case .ample:
            portsLeft = nil
            portDelay.failures = 0
        case .few(let dials): portsLeft = dials
        }
        rebalance(now)
    }

    package mutating func dialFoundNoPort(_ serial: Int, now: Instant) {
        if let place = tunnels.firstIndex(where: { $0.serial == serial }) {
            noteNoPort(now)
            let waiter = tunnels.remove(at: place).waiter
            if isShutDown {
                actions.append(.refuse(waiter.id, .draining))
            } else {
                let next = tunnelWaiters.firstIndex { $0.since > waiter.since } ?? tunnelWaiters.endIndex
                tunnelWaiters.insert(waiter, at: next)
                if !tunnelTurns.contains(waiter.request.client) { tunnelTurns.append(waiter.request.client) }
            }
        } else if let place = place(serial) {
            if connections[place].state == .dialing { noteNoPort(now) }
            connections.remove(at: place)
        } else {
            return
        }
        rebalance(now)
    }

    private mutating func noteNoPort(_ now: Instant) {
        if portDelay.failures == 0 || now >= portDelay.notBefore { portDelay.failed(portDelay.epoch, now, &random) }
    }

    mutating func notePortFree(_ now: Instant) {
        if let portsLeft { self.portsLeft = portsLeft + 1 }
        if portDelay.failures > 0 { portDelay.notBefore = min(portDelay.notBefore, now) }
    }

    var allDials: Int {
        var dials = count(.dialing) + count(.dialing, draining: true)
        for tunnel in tunnels where !tunnel.isOpen { dials += 1 }
        return dials
    }

    /// After a dial without a port: one at a time, and after a delay.
    func portIsTried(_ now: Instant) -> Bool {
        portDelay.failures == 0 || now >= portDelay.notBefore && allDials == 0
    }

    private var someoneMayServe: Bool {
        connections.contains { $0.state == .leased || $0.state == .dialing }
    }

    /// While they are few: for retries, and for requests that would wait for nothing else.
    var portsAreLeftForRequests: Bool {
        guard let portsLeft else { return true }
        if portsLeft == 0 { return false }
        return retryWaits || !waiters.isEmpty && !someoneMayServe
    }

    package var portsLetRequestsDial: Bool { portDelay.failures == 0 && portsAreLeftForRequests }
    package var portsLetTunnelsDial: Bool { portDelay.failures == 0 && portsLeft != 0 }

    var portsAreShort: Bool {
        !isFailing && originLimit > connections.count && (portsLeft != nil || portDelay.failures > 0)
    }

    var refusalOfRequests: Refusal {
        if isPaused { return .paused }
        if blockedByTotal { return .connectionLimit }
        return portsAreShort ? .portsShort : .waitedTooLong
    }

    var refusalOfTunnels: Refusal {
        if isPaused { return .paused }
        return portsLetTunnelsDial ? .connectionLimit : .portsShort
    }
}
