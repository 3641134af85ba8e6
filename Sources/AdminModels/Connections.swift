/// One upstream connection, `GET /v1/connections/{number}`. Value.
package struct ConnectionReport: Codable, Sendable {
    package var number: UInt64 = 0
    package var origin = ""
    /// `dialing`, `idle`, `distrusted` (idle, and reserved for requests that may be repeated until it has answered
    /// one), `parked` (idle, serving no request, and watched to learn when the origin closes it), `leased`, `pinned`
    /// (between requests of the client that it belongs to), `draining`, `closing`, `tunnel` or `closed`.
    package var state = ""
    package var local: String?
    package var remote: String?
    /// Why it was dialled: `demand`, `warm_up` or `replacement`.
    package var cause = ""
    /// The client that authentication has bound it to, by its number in the access log.
    package var pinnedTo: UInt64?
    package var opened = ""
    package var openedMs: Int64 = 0
    package var age = ""
    package var ageMs: Int64 = 0
    package var idle: String?
    package var idleMs: Int64?
    package var closed: String?
    package var closedMs: Int64?
    /// The close reason; null while it is open. `closedBy` is `origin`, `connd` or `client`.
    package var reason: String?
    package var closedBy: String?
    /// The reason in a sentence, with the setting that governs it; or why an open one is distrusted.
    package var explanation: String?
    package var requests = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    /// Where its address is from: `dns`, `hosts`, `system`, `loopback`, or `literal` where the origin's host is one; null
    /// where that is not known any more.
    package var addressSource: String?
    /// The addresses that its dial tried, in the order in which it did.
    package var attempts: [DialAttemptReport] = []
    package var dnsMs: Double = 0
    package var connectMs: Double = 0
    package var tlsMs: Double = 0
    /// Null where connd does not encrypt it: http origins, and tunnels.
    package var tls: TLSReport?
    package var tcp: TCPReport?
    /// Of one that is open and asked for by its number.
    package var socket: SocketReport?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case number
        case origin
        case state
        case local
        case remote
        case cause
        case pinnedTo = "pinned_to"
        case opened
        case openedMs = "opened_ms"
        case age
        case ageMs = "age_ms"
        case idle
        case idleMs = "idle_ms"
        case closed
        case closedMs = "closed_ms"
        case reason
        case closedBy = "closed_by"
        case explanation
        case requests
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case addressSource = "address_source"
        case attempts
        case dnsMs = "dns_ms"
        case connectMs = "connect_ms"
        case tlsMs = "tls_ms"
        case tls
        case tcp
        case socket
    }
}

/// One address that a dial tried. Value.
package struct DialAttemptReport: Codable, Sendable {
    package var address = ""
    /// Since the first attempt.
    package var beginMs: Double = 0
    package var durationMs: Double = 0
    /// `connected`, `refused`, `timed_out`, `unreachable`, `failed`, or `overtaken` where another address had answered.
    package var outcome = ""
    /// Tried after all others, as it had failed lately.
    package var lastResort = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case address
        case beginMs = "begin_ms"
        case durationMs = "duration_ms"
        case outcome
        case lastResort = "last_resort"
    }
}

/// What the TLS handshake of a connection has agreed on. Value.
package struct TLSReport: Codable, Sendable {
    /// `1.2` or `1.3`.
    package var version = ""
    package var cipher = ""
    /// From the session of an earlier connection.
    package var resumed = false
    /// False with `tls_verify: none`.
    package var verified = false
    /// When the origin's certificate expires; null if it is not known.
    package var certificateExpires: String?
    package var certificateExpiresMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case version
        case cipher
        case resumed
        case verified
        case certificateExpires = "certificate_expires"
        case certificateExpiresMs = "certificate_expires_ms"
    }
}

/// The parameters of `GET /v1/connections`. Value.
package struct ConnectionQuery: Sendable {
    package var page = PageRequest()
    package var origin: String?
    /// Nil: all open ones. `closed`: closed ones, newest first.
    package var state: String?

    package static let states = [
        "dialing", "idle", "distrusted", "parked", "leased", "pinned", "draining", "closing", "tunnel", "closed",
    ]

    package init() {}
}

/// `POST /v1/actions/{action}`. Value.
package struct ActionRequest: Codable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        case drain, reconnect, prewarm, pause, resume
    }

    /// Null or absent: all origins (not for `prewarm`).
    package var origin: String?
    /// For `prewarm`: how many connections to have idle; 1 to 1000.
    package var count: Int?
    package var reason: String?

    package init() {}
}

/// What an action did. Value.
package struct ActionReport: Codable, Sendable {
    package var action = ""
    package var origins = 0
    /// How many connections are to be closed or dialled.
    package var connections = 0

    package init() {}
}
