package import ProxyTypes

/// What the driver must do, in the order of the list. Payloads are ids, never objects.
package enum PoolAction: Equatable, BitwiseCopyable, Sendable {
    /// Answered by `dialSucceeded` or `dialFailed`.
    case dial(ConnectionID, DialCause)
    /// For this CONNECT only. Answered by `dialSucceeded` or `dialFailed`, unless `cancelDial` comes first.
    case dialTunnel(ConnectionID, WaiterID)
    /// The connection is not needed any more, and the pool has dropped it.
    case cancelDial(ConnectionID)
    /// `reused`: it served a request before. Answered by one `release`, or by `closed` where it is a tunnel.
    case grant(WaiterID, ConnectionID, reused: Bool)
    case refuse(WaiterID, Refusal)
    /// Answered by `closed` when the socket is gone.
    case close(ConnectionID, CloseReason)
    /// It stays open, and serves no request any more.
    case park(ConnectionID)
}
