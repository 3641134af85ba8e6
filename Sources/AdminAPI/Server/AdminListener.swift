import Glibc

/// A listen address of the admin API. Value.
package enum AdminListener: Hashable, Sendable {
    /// A literal address; port 0 picks a free port.
    case tcp(host: String, port: UInt16)
    case unix(path: String, mode: UInt32)
    /// A listening socket that systemd opened.
    case inherited(descriptor: Int32)

    /// The mode of a Unix socket may differ: it can be changed in place.
    func isSameAddress(as other: AdminListener) -> Bool {
        switch (self, other) {
        case (.unix(let path, _), .unix(let otherPath, _)): path == otherPath
        default: self == other
        }
    }

    /// The kernel refuses 0.0.0.0 on a port that 127.0.0.1 is bound to, and the reverse.
    func mayCollide(with other: AdminListener) -> Bool {
        guard case .tcp(_, let port) = self, case .tcp(_, let otherPort) = other else { return false }
        return port == otherPort && port != 0
    }

    func adjust(_ socket: BoundSocket) {
        if case .unix(let path, let mode) = self, socket.file != nil { chmod(path, mode) }
    }
}

/// Why the admin API cannot listen, and how to fix it.
package struct AdminServerError: Error, CustomStringConvertible, Sendable {
    package let description: String
}
