/// Tells requests of a host's own programs from those that pages in its browsers make: what protects local listeners from DNS
/// rebinding and cross-site requests. Pure.
package enum PageRequests {
    /// Whether the host is one that only means this host: no page's server can have it for its own name.
    package static func meansThisHost(_ host: OriginHost) -> Bool {
        host.address?.isLoopback ?? (host.description == "localhost")
    }

    /// Whether a value of Origin is that of pages which came from `authority` itself, over plain HTTP.
    package static func isOwn(origin: some StringProtocol, authority: some StringProtocol) -> Bool {
        origin.lowercased() == "http://" + authority.lowercased()
    }

    /// Whether a value of Sec-Fetch-Site says that a page of another site asks. Browsers send the field, programs do not; a user
    /// who follows no link is `none`.
    package static func isForeign(fetchSite: some StringProtocol) -> Bool {
        !["same-origin", "none"].contains(fetchSite.lowercased())
    }
}
