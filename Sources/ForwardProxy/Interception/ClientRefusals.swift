package import ProxyTypes

/// Which clients have refused connd's certificate for a host: after two refusals in a row they are tunnelled for a day. Value.
package struct ClientRefusals: Sendable {
    /// How a client refused.
    package enum Manner: Hashable, Sendable {
        /// It sent this alert.
        case alert(UInt8)
        /// It closed the connection where its first request was due.
        case closed
    }

    /// One client's kind: `hello` tells TLS libraries apart.
    package struct Key: Hashable, Sendable {
        package let client: ClientIdentity
        package let hello: UInt32
        package let host: OriginHost

        package init(client: ClientIdentity, hello: UInt32, host: OriginHost) {
            self.client = client
            self.hello = hello
            self.host = host
        }
    }

    package init() {}

    package func isRefusing(_ key: Key, now: Instant) -> Bool { false }

    /// `wallClock`: in milliseconds since 1970.
    package mutating func refused(_ key: Key, _ manner: Manner, now: Instant, wallClock: Int64) {}

    /// It has sent a request.
    package mutating func accepted(_ key: Key) {}
}
