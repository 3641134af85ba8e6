/// One gateway: an item of `GET /v1/gateways`. Value.
package struct GatewayReport: Codable, Sendable {
    package var name = ""
    package var origin = ""
    /// Where it should listen.
    package var listen: [String] = []
    /// Where it does.
    package var listening: [String] = []
    /// Where it does not, and why.
    package var unopened: [UnopenedListenerReport] = []
    package var preserveHost = false
    /// `keep` or `strip`.
    package var cookieSecure = ""
    package var socketMode = ""
    /// Which hosts clients on its ports may name in Host, beside its own names.
    package var allowHosts: [String] = []
    /// `file` or `override`.
    package var source = ""
    /// File and line; for an override those of the file's gateway that it hides, null if there is none.
    package var place: String?
    /// Who set it, when and why; null for a gateway of the file.
    package var actor: String?
    package var reason: String?
    package var time: String?
    package var timeMs: Int64?
    /// Forwarded to its origin since it was opened.
    package var requests = 0
    /// Not forwarded: requests of web pages, for other hosts or origins, and CONNECT.
    package var refused = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case origin
        case listen
        case listening
        case unopened
        case preserveHost = "preserve_host"
        case cookieSecure = "cookie_secure"
        case socketMode = "socket_mode"
        case allowHosts = "allow_hosts"
        case source
        case place
        case actor
        case reason
        case time
        case timeMs = "time_ms"
        case requests
        case refused
    }
}

/// `PUT /v1/gateways/{name}`. Value.
package struct GatewayRequest: Codable, Sendable {
    package var origin = ""
    /// Null or absent: where it listens already, else a free port of 127.0.0.1, which it keeps.
    package var listen: [String]?
    package var preserveHost: Bool?
    package var cookieSecure: String?
    package var socketMode: String?
    package var allowHosts: [String]?
    package var reason: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case origin
        case listen
        case preserveHost = "preserve_host"
        case cookieSecure = "cookie_secure"
        case socketMode = "socket_mode"
        case allowHosts = "allow_hosts"
        case reason
    }
}

/// One gateway of a `SettingsDocument`. Value.
package struct DocumentedGateway: Codable, Sendable {
    package var name = ""
    package var origin = ""
    package var listen: [String] = []
    package var preserveHost: Bool?
    package var cookieSecure: String?
    package var socketMode: String?
    package var allowHosts: [String]?
    package var reason: String?
    /// Who set it, and when. An import does not keep them: its actor is whoever imports.
    package var actor: String?
    package var time: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case origin
        case listen
        case preserveHost = "preserve_host"
        case cookieSecure = "cookie_secure"
        case socketMode = "socket_mode"
        case allowHosts = "allow_hosts"
        case reason
        case actor
        case time
    }
}

/// One gateway before and after an import, in words; null where there is none. Value.
package struct GatewayChangeReport: Codable, Sendable {
    package var name = ""
    package var before: String?
    package var after: String?

    package init() {}
}
