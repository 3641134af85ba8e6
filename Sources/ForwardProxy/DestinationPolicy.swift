package import ProxyTypes
package import Tuning
package import Upstream

/// Where requests may go: ports for CONNECT, names, addresses, and never back to connd itself. Decides on a name before it
/// is looked up and on each address before it is dialled, so that DNS cannot lead around it. Value.
package struct DestinationPolicy: Sendable {
    package enum ConnectPorts: Equatable, Sendable {
        case any
        case only(Set<UInt16>)
    }

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

    package func permitsConnect(to port: UInt16) -> Bool {
        switch connectPorts {
        case .any: true
        case .only(let ports): ports.contains(port)
        }
    }

    /// `denied` only where no address could make it allowed.
    package func verdict(onName origin: Origin) -> NameVerdict {
        if deny.contains(where: { matches($0, origin) }) { return .denied }
        if allow.isEmpty || isAllowed(byName: origin) { return .allowed }
        return allow.contains { if case .range = $0 { true } else { false } } ? .allowed : .denied
    }

    private func isAllowed(byName origin: Origin) -> Bool {
        allow.contains { matches($0, origin) }
    }

    private func matches(_ pattern: DestinationPattern, _ origin: Origin) -> Bool {
        pattern.matches(origin)
    }
}

extension DestinationPolicy: AddressPolicy {
    package func verdict(on address: IPAddress, port: UInt16, of origin: Origin) -> AddressVerdict {
        for listener in ownListeners where listener.port == port {
            let isOurs =
                listener.address.isUnspecified
                ? address.isLoopback || address.isUnspecified || localAddresses.contains(address)
                : listener.address == address || address.isUnspecified && listener.address.isLoopback
            if isOurs { return .loop }
        }
        // By name again: what connd dials of its own accord was asked for by no request.
        if deny.contains(where: { matches($0, origin) || $0.matches(address, port: port) }) { return .denied }
        if allow.isEmpty || isAllowed(byName: origin) || allow.contains(where: { $0.matches(address, port: port) }) {
            return .allowed
        }
        return .denied
    }
}
