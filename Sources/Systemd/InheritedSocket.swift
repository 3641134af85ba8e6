package import ProxyTypes

/// A listening stream socket passed by systemd. The receiver owns the descriptor. Value.
package struct InheritedSocket: Sendable, Hashable {
    package let descriptor: CInt
    /// The socket unit's FileDescriptorName.
    package let name: String
    package let address: ListenAddress
}

/// Why a passed socket cannot be used: names the variable or descriptor, and what to change. Value.
package enum InheritedSocketError: Error, Hashable, CustomStringConvertible {
    case malformed(variable: String, value: String)
    case namesDoNotMatch(names: Int, sockets: Int)
    case unusable(descriptor: CInt, name: String, Reason)

    package enum Reason: Hashable, Sendable {
        case notOpen, notASocket, notAStream, notListening, otherFamily
        /// A system call failed; the payload is `errno`.
        case notPrepared(CInt)
    }

    package var description: String {
        switch self {
        case .malformed(let variable, let value):
            return "\(variable)=\(value) is not a count; systemd sets it, nothing else should"
        case .namesDoNotMatch(let names, let sockets):
            return "LISTEN_FDNAMES has \(names) names for the \(sockets) descriptors of LISTEN_FDS"
        case .unusable(let descriptor, let name, let reason):
            return "descriptor \(descriptor) (\(name)) that systemd passed \(reason)"
        }
    }
}

extension InheritedSocketError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notOpen: "is not open"
        case .notASocket: "is not a socket: use ListenStream= in the socket unit, not ListenFIFO= or ListenSpecial="
        case .notAStream: "is not a stream socket: use ListenStream= in the socket unit"
        case .notListening: "does not listen: it is a connection; set Accept=no in the socket unit"
        case .otherFamily: "is neither IPv4, IPv6 nor Unix: list such an address only in ListenStream="
        case .notPrepared(let number): "cannot be used: \(systemErrorText(number))"
        }
    }
}
