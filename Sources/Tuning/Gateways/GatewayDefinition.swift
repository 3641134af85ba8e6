package import ProxyTypes

/// What a gateway does with Secure in the cookies that it passes on.
package enum CookieSecure: String, CaseIterable, Hashable, Sendable {
    case keep
    /// Removed, for clients that do not send Secure cookies over plain HTTP.
    case strip
}

/// A gateway as it is configured: one origin, and where programs reach it. Value.
package struct GatewayDefinition: Hashable, Sendable, CustomStringConvertible {
    package var name: String
    package var origin: Origin
    /// Never empty once it is in force.
    package var listen: [ListenAddress]
    /// The origin is told the Host that the client sent, instead of its own.
    package var preserveHost: Bool
    package var cookieSecure: CookieSecure
    /// Of its Unix sockets.
    package var socketMode: SocketMode
    /// Which hosts clients on its ports may name in Host, beside its own names.
    package var allowHosts: [GatewayHost]

    package init(
        name: String, origin: Origin, listen: [ListenAddress], preserveHost: Bool = false,
        cookieSecure: CookieSecure = .keep, socketMode: SocketMode = .standard, allowHosts: [GatewayHost] = []
    ) {
        self.name = name
        self.origin = origin
        self.listen = listen
        self.preserveHost = preserveHost
        self.cookieSecure = cookieSecure
        self.socketMode = socketMode
        self.allowHosts = allowHosts
    }

    /// For the audit trail: `https://api.stripe.com on 127.0.0.1:9101`, and what differs from the defaults.
    package var description: String {
        var text = "\(origin) on \(listen.map(\.description).joined(separator: ", "))"
        if preserveHost { text += ", preserve_host" }
        if cookieSecure != .keep { text += ", cookie_secure=\(cookieSecure.rawValue)" }
        if socketMode != .standard { text += ", socket_mode=\(socketMode)" }
        if !allowHosts.isEmpty { text += ", allow_hosts=\(allowHosts.map(\.description).joined(separator: " "))" }
        return text
    }

    // MARK: Validation

    package static let maxNameBytes = 64
    package static let maxListen = 16
    package static let maxAllowHosts = 64
    package static let allowedName = "letters, digits, `-`, `_` and dots, at most 64, the first a letter or a digit"
    package static let allowedOrigin = "an origin such as https://api.example.com, without a path"

    package static func checked(name: String) throws(ValueProblem) -> String {
        let isValid =
            name.utf8.count <= maxNameBytes && (name.utf8.first.map(isLetterOrDigit) ?? false)
            && name.utf8.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
        guard isValid else { throw ValueProblem(allowed: allowedName, text: name) }
        return name
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10
    }

    /// A slash at the end is accepted: people copy it with the URL.
    package static func origin(parsing text: String) throws(ValueProblem) -> Origin {
        guard let origin = Origin(text.hasSuffix("/") ? String(text.dropLast()) : text) else {
            throw ValueProblem(allowed: allowedOrigin, text: text)
        }
        return origin
    }
}

/// A gateway that was set at run time: by whom, when and why. Value.
package struct GatewayRow: Hashable, Sendable {
    package var definition: GatewayDefinition
    package var actor: String
    package var reason: String?
    /// Milliseconds since 1970, UTC.
    package var time: Int64

    package init(definition: GatewayDefinition, actor: String, reason: String?, time: Int64) {
        self.definition = definition
        self.actor = actor
        self.reason = reason
        self.time = time
    }
}

/// A gateway of the config file. Value.
package struct FileGateway: Hashable, Sendable {
    package var definition: GatewayDefinition
    /// Such as `/etc/connd/connd.yaml:12`.
    package var place: String

    package init(_ definition: GatewayDefinition, place: String) {
        self.definition = definition
        self.place = place
    }
}

/// One edit of the gateways, stored in one transaction. Value.
package struct GatewayChange: Hashable, Sendable {
    package var puts: [GatewayRow] = []
    package var removals: [String] = []
    package var audit: [AuditEntry] = []

    package init() {}

    package var isEmpty: Bool { puts.isEmpty && removals.isEmpty && audit.isEmpty }
}
