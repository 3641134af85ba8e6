package import Metering
package import ProxyTypes
package import Reactor

/// Which gateways there are, and where they listen.
extension ProxyLoop {
    /// Applies to existing clients with their next request. A gateway that is not among them ends: its listeners close, and
    /// its clients are answered what they have asked for.
    package func setGateways(_ routes: [GatewayRoute]) {
        let old = gateways.filter { !$0.isRemoved }
        for gateway in old where !routes.contains(where: { $0.name == gateway.route?.name }) { remove(gateway) }
        for route in routes {
            if let known = gateways.first(where: { $0.route?.name == route.name }) {
                known.setRoute(route)
            } else {
                gateways.append(Gateway(route, loop: self))
            }
        }
    }

    private func remove(_ gateway: Gateway) {
        for listener in gateway.listeners { stopListening(listener) }
        gateway.listeners.removeAll()
        gateway.setRoute(nil)
        gateways.removeAll { $0 === gateway }
        let now = now
        forEachClient { if $0.gateway === gateway { $0.drain(now: now) } }
    }

    /// The socket is the gateway's from here on; it is closed where there is no such gateway.
    package func listen(on socket: ListeningSocket, gateway name: String) throws(SystemError) {
        guard !isDraining, let gateway = gateway(name) else { return socket.close() }
        gateway.listeners.append(try listen(on: socket, handler: gateway))
    }

    /// Accepts no more clients of the gateway there; existing ones stay.
    package func stopListening(on address: ListenAddress, gateway name: String) {
        guard let gateway = gateway(name),
            let index = gateway.listeners.firstIndex(where: { $0.socket.address == address })
        else { return }
        stopListening(gateway.listeners.remove(at: index))
    }

    func gateway(_ name: String) -> Gateway? { gateways.first { $0.route?.name == name } }

    package var gatewayReports: [GatewayFigures] {
        gateways.compactMap { gateway in
            gateway.route.map {
                GatewayFigures(
                    name: $0.name, sockets: gateway.listeners.map(\.socket), requests: gateway.requests,
                    refused: gateway.refused)
            }
        }
    }
}

/// A gateway as it runs. Value.
package struct GatewayFigures: Sendable {
    package let name: String
    package let sockets: [ListeningSocket]
    /// Forwarded to its origin since it was made.
    package let requests: Int
    package let refused: Counters<GatewayRefusal>
}
