/// Tells requests of a host's own programs from those that pages in its browsers make: what protects local listeners from DNS
/// rebinding and cross-site requests. Pure.
package enum PageRequests {
    /// Whether the host always means this host, so that it cannot be the name of a page's server.
    package static func meansThisHost(_ host: OriginHost) -> Bool {
        host.address?.isLoopback ?? (host.description == "localhost")
    }

    /// Whether a value of Origin is that of pages that `authority` itself serves, over plain HTTP.
    package static func isOwn(origin: some StringProtocol, authority: some StringProtocol) -> Bool {
        origin.lowercased() == "http://" + authority.lowercased()
    }

    /// Whether a value of Sec-Fetch-Site says that the request comes from a page of another site. `none`: the user typed the
    /// URL or opened a bookmark. Few programs send the field.
    package static func isForeign(fetchSite: some StringProtocol) -> Bool {
        !["same-origin", "none"].contains(fetchSite.lowercased())
    }
}
