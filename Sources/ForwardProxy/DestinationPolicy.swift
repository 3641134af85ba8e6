package import ProxyTypes
package import Tuning
package import Upstream

/// Where requests may go: ports for CONNECT, names, addresses, and never back to connd itself. Decides on a name before it
/// is looked up and on each address before it is dialled, so that DNS cannot lead around it. Value.
package struct DestinationPolicy: Sendable {
    package enum NameVerdict: Equatable, Sendable {
        case allowed, denied
    }

    package var connectPorts = ConnectPorts.only([443])
    package var allow: [DestinationPattern] = []
    package var deny: [DestinationPattern] = []
    /// Where connd itself listens.
    package var ownListeners: [(address: IPAddress, port: UInt16)] = []
    /// The addresses of this host, which a listener on an unspecified address answers on.
    package var localAddresses: [IPAddress] = []

    package init() {}

    /// Of names and addresses; ports and own listeners are asked each time.
    func decidesLike(_ other: DestinationPolicy) -> Bool { allow == other.allow && deny == other.deny }

    package func permitsConnect(to port: UInt16) -> Bool { connectPorts.contains(port) }

    /// `denied` only where no address could make it allowed.
    package func verdict(onName origin: Origin) -> NameVerdict {
        if isDenied(origin) { return .denied }
        if let address = origin.address, isDenied(address, port: origin.port) { return .denied }
        if allow.isEmpty || isAllowed(origin) { return .allowed }
        return allow.contains { if case .range = $0 { true } else { false } } ? .allowed : .denied
    }

    private func isDenied(_ origin: Origin) -> Bool {
        deny.contains { $0.matches(origin) }
    }

    /// By all that a connection to the address may reach.
    private func isDenied(_ address: IPAddress, port: UInt16) -> Bool {
        guard !deny.isEmpty else { return false }
        let reached = address.reaches
        return deny.contains { pattern in reached.contains { pattern.matches($0, port: port) } }
    }

    /// By where a connection goes: an address that a gateway would make another one of must be allowed itself.
    private func isAllowed(_ origin: Origin) -> Bool {
        let destination = origin.destination
        return allow.contains { $0.matches(destination) }
    }
}

extension DestinationPolicy: AddressPolicy {
    package func verdict(on address: IPAddress, port: UInt16, of origin: Origin) -> AddressVerdict {
        let destination = address.destination
        for listener in ownListeners where listener.port == port {
            let isOurs =
                listener.address.isUnspecified
                ? destination.isLoopback || localAddresses.contains(destination)
                : listener.address == destination
            if isOurs { return .loop }
        }
        // By name again: what connd dials of its own accord was asked for by no request.
        if isDenied(origin) || isDenied(address, port: port) { return .denied }
        if allow.isEmpty || isAllowed(origin) || allow.contains(where: { $0.matches(destination, port: port) }) {
            return .allowed
        }
        return .denied
    }
}
