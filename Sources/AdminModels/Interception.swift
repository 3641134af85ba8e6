/// CONNECTs to one origin while its `intercept` was on, since connd was started. Value.
package struct InterceptionReport: Codable, Sendable {
    /// TLS handshakes with clients that succeeded.
    package var full = 0
    /// Resumed from the session of an earlier connection of the client.
    package var resumed = 0
    /// From the client's first message.
    package var handshakeTime = Distribution()
    /// Tunnelled all the same, by reason (`client_refuses`, `no_http1` and so on).
    package var spliced: [String: Int] = [:]
    /// Clients that refused connd's certificate.
    package var refused = 0
    /// Handshakes that failed otherwise.
    package var failed = 0
    /// Requests for another host than that of CONNECT, which are answered 421.
    package var misdirected = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case full
        case resumed
        case handshakeTime = "handshake_time"
        case spliced
        case refused
        case failed
        case misdirected
    }
}

/// TLS on both sides of connd for one origin: an item of `GET /v1/tls/origins`. Value.
package struct OriginTLSReport: Codable, Sendable {
    package var origin = ""
    /// Whether `intercept` is on.
    package var intercept = false
    /// With clients.
    package var clients = InterceptionReport()
    /// With the origin.
    package var upstream = TLSHandshakesReport()

    package init() {}
}

/// A client that refused connd's certificate for a host: an item of `GET /v1/tls/refusals`. Value.
package struct ClientRefusalReport: Codable, Sendable {
    package var host = ""
    /// The file name of its executable; null where that is unknown.
    package var program: String?
    /// Null for a client of another host.
    package var user: Int?
    package var userName: String?
    /// Null for a client on this host whose user is known.
    package var address: String?
    /// A hash of what it offers, which tells TLS libraries apart.
    package var hello = ""
    /// How it refused the last time: `closed`, or the alert that it sent, such as `unknown_ca`.
    package var manner = ""
    /// In a row.
    package var count = 0
    package var first = ""
    package var firstMs: Int64 = 0
    package var last = ""
    package var lastMs: Int64 = 0
    /// Until when it is tunnelled; null after one refusal.
    package var splicedUntil: String?
    package var splicedUntilMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case host
        case program
        case user
        case userName = "user_name"
        case address
        case hello
        case manner
        case count
        case first
        case firstMs = "first_ms"
        case last
        case lastMs = "last_ms"
        case splicedUntil = "spliced_until"
        case splicedUntilMs = "spliced_until_ms"
    }
}

/// The result of `DELETE /v1/tls/refusals`. Value.
package struct ForgottenRefusalsReport: Codable, Sendable {
    package var forgotten = 0

    package init() {}
}
