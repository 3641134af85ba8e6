/// How long the requests to one origin waited for handshakes. Value; adds up as `OriginStatistics` does. Microseconds.
///
/// A request that got a new connection waited for the last part of its dial, of which the beginning may have passed before it
/// came. Requests that waited for a dial and were then given another connection, or were refused, count nothing.
package struct HandshakeWaits: Hashable, BitwiseCopyable, Sendable {
    package var dns: Int64 = 0
    package var connect: Int64 = 0
    package var tls: Int64 = 0

    package init() {}

    /// Of a request that waited for `queued` until a connection was there that had taken so long. The handshakes come in the
    /// order look-up, connect, TLS, and the request saw their end.
    package init(queued: Int64, dns: Int64, connect: Int64, tls: Int64) {
        self.tls = min(tls, queued)
        self.connect = min(connect, queued - self.tls)
        self.dns = min(dns, queued - self.tls - self.connect)
    }

    package var all: Int64 { dns + connect + tls }

    package static func += (a: inout HandshakeWaits, b: HandshakeWaits) {
        a.dns += b.dns
        a.connect += b.connect
        a.tls += b.tls
    }

    package static func - (a: HandshakeWaits, b: HandshakeWaits) -> HandshakeWaits {
        var made = HandshakeWaits()
        made.dns = a.dns - b.dns
        made.connect = a.connect - b.connect
        made.tls = a.tls - b.tls
        return made
    }
}
