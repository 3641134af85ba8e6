package import ProxyTypes

/// Local ports run short: each connection, and each in TIME_WAIT, holds one, and there are only so many for one destination.
///
/// While few are left the pool has a further limit, which is the connections that it has: requests wait for them. It dials for
/// what they cannot serve, and only as often as it is told that ports are left: a retry, a CONNECT, and one connection where it
/// has none that a request could wait for. A dial that finds no port is no fault of the origin: its request waits again, within
/// `max_queue` and `queue_timeout`, and one dial at a time is tried after a delay, which ends early when a connection gives its
/// port back.
extension OriginPool {
    package mutating func apply(_ supply: PortSupply, now: Instant, into actions: inout [PoolAction]) {
        ports = supply
        switch supply {
        case .ample: portBackoff.succeeded()
        case .few: break
        }
        rebalance(now: now, into: &actions)
    }

    /// There was no local port for the dial.
    package mutating func dialFoundNoPort(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id) else { return }
        switch table.slots[index].state {
        case .dialing:
            noteNoPort(now: now)
            forget(index)
        case .tunnelDialing:
            noteNoPort(now: now)
            waitAgain(index, now: now, into: &actions)
        // The driver gave this dial up.
        case .closing: forget(index)
        case .free, .idle, .leased, .pinned, .tunnel:
            Invariant.broken("a dial found no port that was not under way")
            return
        }
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    /// Dials that were under way at the same time fail for the same reason.
    private mutating func noteNoPort(now: Instant) {
        guard !portBackoff.isFailing || now >= portBackoff.notBefore else { return }
        portBackoff.failed(begunIn: portBackoff.epoch, now: now, random: &random)
    }

    private mutating func waitAgain(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        guard case .tunnel(let request) = table.slots[index].purpose else {
            Invariant.broken("a tunnel was dialled for no CONNECT")
            return
        }
        forget(index)
        guard !isShutDown else {
            actions.append(.refuse(request.waiter, .draining))
            return
        }
        tunnelQueue.append(
            request.waiter, LeaseRequest(client: request.client), since: request.since, deadline: request.deadline)
        waiterDue = min(waiterDue, request.deadline)
    }

    /// The port of a connection that ends is free again at once, as the connection does not stay in TIME_WAIT here.
    mutating func notePortFree(now: Instant) {
        switch ports {
        case .few(let dials): ports = .few(dials: dials + 1)
        case .ample: break
        }
        if portBackoff.isFailing { portBackoff.hasten(to: now) }
    }

    mutating func takePort() {
        switch ports {
        case .few(let dials): ports = .few(dials: max(0, dials - 1))
        case .ample: break
        }
    }

    // MARK: What they allow

    /// No dial can begin now.
    @inline(__always)
    var hasNoPort: Bool {
        switch ports {
        case .ample: isTryingForPort
        case .few(let dials): dials == 0 || isTryingForPort
        }
    }

    /// A dial found no port, and it is not known yet that there are some again.
    @inline(__always)
    package var isTryingForPort: Bool { portBackoff.isFailing }

    private var anyDials: Int { allDials + table.counts.tunnelDials }

    @inline(__always)
    private func mayTryPort(now: Instant) -> Bool {
        !isTryingForPort || now >= portBackoff.notBefore && anyDials == 0
    }

    /// Whether there is a port for what waits and no connection can serve.
    @inline(__always)
    private var supplyPermitsDial: Bool {
        switch ports {
        case .ample: true
        case .few(let dials): dials > 0 && (retryWaits || !queue.isEmpty && !hasAnyToWaitFor)
        }
    }

    /// Also leased ones that cannot serve another request: their end is an event, after which this is asked again.
    @inline(__always)
    private var hasAnyToWaitFor: Bool {
        table.counts.dialing + table.counts.leased + table.counts.draining > 0
    }

    @inline(__always)
    func portsPermitDial(now: Instant) -> Bool { supplyPermitsDial && mayTryPort(now: now) }

    /// The same whatever the time is: for what would be given up, or asked of other pools, to dial.
    @inline(__always)
    var portsPermitDials: Bool { !isTryingForPort && supplyPermitsDial }

    private var supplyPermitsTunnel: Bool {
        switch ports {
        case .ample: true
        case .few(let dials): dials > 0
        }
    }

    func portsPermitTunnel(now: Instant) -> Bool { supplyPermitsTunnel && mayTryPort(now: now) }

    var portsPermitTunnels: Bool { !isTryingForPort && supplyPermitsTunnel }

    /// Of the waiting requests, those that may be dialled for.
    @inline(__always)
    func permittedByPorts(_ wanted: Int) -> Int {
        switch ports {
        case .ample: wanted
        case .few(let dials): min(wanted, dials, retryWaits ? queue.freshCount - table.replacementDials : 1)
        }
    }

    func tunnelsPermittedByPorts(_ wanted: Int) -> Int {
        switch ports {
        case .ample: wanted
        case .few(let dials): min(wanted, dials)
        }
    }

    /// Whether it is the ports that keep waiting requests from a dial.
    var isShortOfPorts: Bool {
        guard !backoff.isFailing, origin.hasRoom else { return false }
        switch ports {
        case .ample: return isTryingForPort
        case .few: return true
        }
    }

    /// When a dial may be tried again; `zero` where ports do not delay it, `distantFuture` where an event comes first.
    @inline(__always)
    var nextTryForPort: Instant {
        guard isTryingForPort else { return .zero }
        return anyDials > 0 ? .distantFuture : portBackoff.notBefore
    }
}
