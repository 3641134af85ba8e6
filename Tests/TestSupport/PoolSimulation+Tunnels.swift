import Pooling
import ProxyTypes

/// What may happen to CONNECTs, and to the local ports of the host.
extension PoolSimulation {
    mutating func openTunnel() {
        nextWaiter += 1
        let waiter = WaiterID(slot: nextWaiter % 16, generation: nextWaiter)
        let client = ClientID(rawValue: UInt64(choices.pick(4)))
        waiting.append(waiter)
        note("openTunnel \(waiter) \(client)")
        both({ $0.openTunnel(waiter, client: client, now: $2, into: &$1) }, { $0.openTunnel(waiter, client, now: $1) })
    }

    mutating func endTunnelDial() {
        let dials = serials.filter { tunnelDials[$0.key] != nil }.sorted { $0.value < $1.value }
        guard !dials.isEmpty else { return }
        let (id, serial) = dials[choices.pick(dials.count)]
        if dialsSucceed != choices.chance(1, in: 16) {
            note("dialSucceeded \(id)")
            both(
                { $0.dialSucceeded(id, now: $2, into: &$1) },
                { $0.tunnelDialEnded(serial, succeeded: true, now: $1) })
        } else if choices.chance(1, in: 3) {
            note("dialFoundNoPort \(id)")
            gone(id)
            both({ $0.dialFoundNoPort(id, now: $2, into: &$1) }, { $0.dialFoundNoPort(serial, now: $1) })
        } else {
            note("dialFailed \(id)")
            gone(id)
            both(
                { $0.dialFailed(id, now: $2, into: &$1) }, { $0.tunnelDialEnded(serial, succeeded: false, now: $1) })
        }
    }

    mutating func endTunnel() {
        guard !tunnels.isEmpty else { return }
        let id = tunnels[choices.pick(tunnels.count)]
        guard let serial = serials[id] else { return fail("\(id) is unknown") }
        guard !choices.chance(1, in: 8) else {
            // An order that does not concern tunnels, and an event that no driver reports of one.
            note("close \(id), noteClosing \(id)")
            return both(
                {
                    $0.close(id, .killed, now: $2, into: &$1)
                    $0.noteClosing(id, now: $2, into: &$1)
                }, { _, _ in })
        }
        note("closed \(id)")
        gone(id)
        both({ $0.closed(id, now: $2, into: &$1) }, { $0.tunnelClosed(serial, now: $1) })
    }

    /// A census of the host's ports has an outcome.
    mutating func supplyPorts() {
        let supply: PortSupply = choices.chance(1, in: 3) ? .few(dials: choices.pick(4)) : .ample
        note("apply \(supply)")
        both({ $0.apply(supply, now: $2, into: &$1) }, { $0.apply(supply, now: $1) })
    }
}
