package import ProxyTypes

/// What the driver must do, in this order. Payloads are ids, never objects.
package enum PoolAction: Equatable, BitwiseCopyable, Sendable {
    /// Answered by `dialSucceeded` or `dialFailed`.
    case dial(ConnectionID, DialCause)
    /// `reused`: it served a request before. Answered by one `release`.
    case grant(WaiterID, ConnectionID, reused: Bool)
    case refuse(WaiterID, Refusal)
    /// Answered by `closed` when the socket is gone.
    case close(ConnectionID, CloseReason)
}
