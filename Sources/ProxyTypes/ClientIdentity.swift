/// Who is behind a client's connection, as far as it can be known. Value.
package enum ClientIdentity: Hashable, Sendable {
    /// A program of another host, or one that could not be looked up.
    case address(IPAddress)
    /// A program of this user, by its number.
    case user(UInt32)
    case program(String, user: UInt32)
    /// A Unix socket whose other end is unknown.
    case unknown
}
