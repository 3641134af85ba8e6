/// Where the admin API listens. Value.
package enum AdminListener: Hashable, Sendable {
    /// A literal address; port 0 takes a free one.
    case tcp(host: String, port: UInt16)
    case unix(path: String, mode: UInt32)
    /// A listening socket that systemd opened.
    case inherited(descriptor: Int32)
}

/// Why the admin API cannot listen, and what to do.
package struct AdminServerError: Error, CustomStringConvertible, Sendable {
    package let description: String
}
