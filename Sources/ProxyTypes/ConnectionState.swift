/// What an upstream connection is doing. The words are those of the API and the database.
package enum ConnectionState: String, CaseIterable, BitwiseCopyable, Sendable {
    case dialing, idle
    /// Idle, and reserved for requests that may be repeated: another connection to the origin was lost without notice,
    /// and this one has carried no response since.
    case distrusted
    /// Idle and only watched, to learn when the origin closes it: it serves no request, and gives its room up first.
    case parked
    case leased
    /// Between two requests of the client that it belongs to.
    case pinned
    /// Leased or dialing; closed as soon as that ends.
    case draining
    /// Told to close; counts against the limits until its socket is gone.
    case closing
    /// Carries a tunnel.
    case tunnel
    /// Its socket is gone.
    case closed
}
