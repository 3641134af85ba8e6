package import ProxyTypes

/// An upstream connection as an operator sees it, alive or after its end. Value.
package struct ConnectionRecord: Hashable, Sendable {
    /// Unique over restarts as long as the database is kept.
    package var number: UInt64
    package var origin: Origin
    package var state: ConnectionState
    /// Nil where the socket is gone already or was never there.
    package var local: Endpoint?
    package var remote: Endpoint?
    /// Milliseconds since 1970, UTC.
    package var openedAt: Int64
    package var closedAt: Int64?
    package var idleSince: Int64?
    package var reason: CloseReason?
    package var cause: DialCause
    package var requests = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    /// Microseconds.
    package var dnsTime: Int64 = 0
    package var connectTime: Int64 = 0
    package var tlsTime: Int64 = 0
    /// Where its address is from; nil where that is not known any more.
    package var addressSource: AddressSource?
    /// The addresses that its dial tried, in the order in which it did.
    package var attempts: [DialAttempt] = []
    /// Nil where it is not encrypted by connd.
    package var tls: TLSInfo?
    package var tcp: TCPInfo?
    /// What was known of its last exchange's segments; not stored.
    package var segments: SegmentFacts?
    /// Where it was asked for, of one that is open.
    package var socket: SocketFacts?
    /// The number of the client that it belongs to, where authentication has bound it to one.
    package var owner: UInt64?

    package init(number: UInt64, origin: Origin, state: ConnectionState, openedAt: Int64, cause: DialCause) {
        self.number = number
        self.origin = origin
        self.state = state
        self.openedAt = openedAt
        self.cause = cause
    }
}
