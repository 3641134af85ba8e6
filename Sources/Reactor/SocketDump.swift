import CLinux
package import ProxyTypes

/// The TCP sockets of this network namespace, by netlink. Blocks while the kernel walks its table: not for the loop. No state.
package enum SocketDump {
    /// What matters of a socket's state. Value.
    package enum State: Hashable, Sendable {
        case listening
        /// Connected, or on its way to or from that.
        case open
        case timeWait(left: Interval)
    }

    /// As in linux/tcp_states.h.
    private static let timeWaitState: UInt8 = 6
    private static let listenState: UInt8 = 10
    private static let listeners: UInt32 = 1 << 10
    private static let all = UInt32.max

    private struct Visit {
        let each: (Endpoint, Endpoint, State) -> Void
    }

    /// Calls back with local end, remote end and state of each socket that is connected to one of these, whichever program
    /// holds it. The kernel sorts them out where they are few enough, otherwise this does.
    package static func connections(
        to destinations: Set<Endpoint>, each: (Endpoint, Endpoint, State) -> Void
    ) throws(SystemError) {
        guard !destinations.isEmpty else { return }
        let named =
            destinations.count <= Int(CLINUX_MOST_DESTINATIONS) ? destinations.map(clinux_destination.init) : []
        // IPv6 sockets may be connected to IPv4 addresses.
        for family in [IPAddress.Family.ipv4, .ipv6] {
            if family == .ipv4, destinations.allSatisfy({ $0.address.family == .ipv6 }) { continue }
            try visit(family, all & ~listeners, named) { local, remote, state in
                if destinations.contains(remote) { each(local, remote, state) }
            }
        }
    }

    /// The ports on which something listens.
    package static func listeningPorts() throws(SystemError) -> Set<UInt16> {
        var ports: Set<UInt16> = []
        for family in [IPAddress.Family.ipv4, .ipv6] {
            try visit(family, listeners, []) { local, _, _ in ports.insert(local.port) }
        }
        return ports
    }

    private static func visit(
        _ family: IPAddress.Family, _ states: UInt32, _ destinations: [clinux_destination],
        _ each: (Endpoint, Endpoint, State) -> Void
    ) throws(SystemError) {
        let code = withoutActuallyEscaping(each) { each in
            var visit = Visit(each: each)
            return withUnsafeMutablePointer(to: &visit) { pointer in
                clinux_each_tcp_socket(
                    family == .ipv4 ? 4 : 16, states, destinations, CInt(destinations.count),
                    { context, socket in
                        guard let socket, let visit = context?.assumingMemoryBound(to: Visit.self) else { return }
                        SocketDump.tell(socket.pointee, visit.pointee)
                    }, pointer)
            }
        }
        guard code == 0 else { throw SystemError(code: -code, doing: "asking for TCP sockets") }
    }

    private static func tell(_ socket: clinux_tcp_socket, _ visit: Visit) {
        let state: State =
            switch socket.state {
            case timeWaitState: .timeWait(left: .milliseconds(Int64(socket.expires_ms)))
            case listenState: .listening
            default: .open
            }
        visit.each(
            Endpoint(address: address(socket.local, socket.length), port: socket.local_port),
            Endpoint(address: address(socket.remote, socket.length), port: socket.remote_port), state)
    }

    private typealias Bytes = (
        UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
    )

    private static func address(_ bytes: Bytes, _ length: CInt) -> IPAddress {
        withUnsafeBytes(of: bytes) { room in
            let (first, second) = (
                UInt64(bigEndian: room.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: room.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
            return length == 4 ? IPAddress(ipv4: UInt32(first >> 32)) : IPAddress(high: first, low: second)
        }
    }
}

extension clinux_destination {
    fileprivate init(_ endpoint: Endpoint) {
        self.init()
        let bytes = endpoint.address.bytes
        length = CInt(bytes.count)
        port = endpoint.port
        withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: bytes) }
    }
}
