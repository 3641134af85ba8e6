import Glibc

/// Where the admin API listens. Value.
package enum AdminListener: Hashable, Sendable {
    /// A literal address; port 0 takes a free one.
    case tcp(host: String, port: UInt16)
    case unix(path: String, mode: UInt32)
    /// A listening socket that systemd opened.
    case inherited(descriptor: Int32)

    /// A mode can be changed, a place cannot.
    func isSamePlace(as other: AdminListener) -> Bool {
        switch (self, other) {
        case (.unix(let path, _), .unix(let otherPath, _)): path == otherPath
        default: self == other
        }
    }

    /// 127.0.0.1 and 0.0.0.0 with one port: the kernel refuses the second.
    func mayCollide(with other: AdminListener) -> Bool {
        guard case .tcp(_, let port) = self, case .tcp(_, let otherPort) = other else { return false }
        return port == otherPort && port != 0
    }

    func adjust(_ socket: BoundSocket) {
        if case .unix(let path, let mode) = self, socket.file != nil { chmod(path, mode) }
    }
}

/// Why the admin API cannot listen, and what to do.
package struct AdminServerError: Error, CustomStringConvertible, Sendable {
    package let description: String
}
