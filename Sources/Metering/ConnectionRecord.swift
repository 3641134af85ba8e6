package import ProxyTypes

/// What the kernel says of a TCP connection (TCP_INFO). Value.
package struct TCPFacts: Hashable, Sendable {
    /// Microseconds.
    package var roundTripTime = 0
    package var roundTripVariance = 0
    package var minRoundTripTime = 0
    /// Segments.
    package var congestionWindow = 0
    /// Bytes.
    package var maximumSegment = 0
    package var retransmits = 0
    /// Bits a second, the kernel's estimate.
    package var deliveryRate = 0

    package init() {}
}

/// An upstream connection as an operator sees it, alive or after its end. Value.
package struct ConnectionRecord: Hashable, Sendable {
    /// Unique over restarts as long as the database is kept.
    package var number: UInt64
    package var origin: Origin
    package var state: ConnectionState
    /// Nil where the socket is gone already or was never there.
    package var local: SocketPlace?
    package var remote: SocketPlace?
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
    package var tcp: TCPFacts?
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

/// Address and port. Value.
package struct SocketPlace: Hashable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    package let port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    package var description: String { "\(address.bracketed):\(port)" }
}
