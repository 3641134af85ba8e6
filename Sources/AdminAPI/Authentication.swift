import AdminModels
import NIOHTTP1
import ProxyTypes

/// Who may read and who may change something: the rules for `Host`, `Origin` and the token. Value.
struct Authentication: Sendable {
    /// The literal listen addresses, without brackets.
    let listenHosts: [String]
    /// As they appear in `Host`: IPv6 addresses in brackets.
    let allowedHosts: [String]
    let token: AdminToken?
    /// The user id that connd runs as.
    let user: UInt32

    /// Protects against DNS rebinding and cross-site requests. Requests without `Host` were refused earlier.
    func admit(_ headers: HTTPHeaders, from peer: AdminPeer) throws(Problem) {
        let authority = headers.first(name: "Host") ?? ""
        if peer == .network, !isOurs(authority) {
            throw Problem(
                421,
                "connd's admin API does not answer for `\(authority.prefix(100))`; use localhost or a loopback address"
            )
        }
        if let origin = headers.combined("Origin"),
            !PageRequests.isOwn(origin: origin, authority: authority)
        {
            throw Problem(403, "requests from pages of another site (\(origin.prefix(100))) are not answered")
        }
    }

    private func isOurs(_ authority: String) -> Bool {
        guard let host = Self.host(of: authority) else { return false }
        return PageRequests.meansThisHost(host) || listenHosts.contains { IPAddress($0).map { OriginHost($0) } == host }
            || allowedHosts.contains { Self.host(of: $0) == host }
    }

    /// Without its port; nil if malformed.
    private static func host(of authority: String) -> OriginHost? {
        guard let parts = HostAndPort(authority), parts.portText?.utf8.allSatisfy(DecimalText.isDigit) ?? true else {
            return nil
        }
        return try? OriginHost(parsing: parts.host)
    }

    /// Identifies who makes a change. Names in headers are never trusted.
    func actor(of headers: HTTPHeaders, from peer: AdminPeer) throws(Problem) -> AdminActor {
        switch peer {
        case .user(let user?) where user == 0 || user == self.user: return AdminActor(name: "uid:\(user)")
        case .user(let user):
            let name = user.map { "uid \($0)" } ?? "an unknown user"
            throw Problem(
                403,
                "\(name) may read here, not change; root and uid \(self.user) may, or use the token over TCP"
            )
        case .network:
            try check(headers.combined("Authorization"))
            return AdminActor(name: "token")
        }
    }

    private func check(_ authorization: String?) throws(Problem) {
        guard let token else {
            throw Problem(401, "changes over TCP need a token, and this connd has none; set admin.token_file")
        }
        let hint = "the header `Authorization: Bearer <token>`; the token is in \(token.path)"
        guard let authorization else { throw Problem(401, "changes over TCP need \(hint)") }
        let parts = authorization.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Problem(401, "the Authorization field must have the form of \(hint)")
        }
        let isRight: Bool
        do { isRight = try token.matches(String(parts[1])) } catch {
            throw Problem(401, "the token cannot be checked: \(error)")
        }
        if !isRight { throw Problem(401, "this is not the token; changes over TCP need \(hint)") }
    }
}
