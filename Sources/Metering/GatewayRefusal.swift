/// Why a gateway did not forward a request.
package enum GatewayRefusal: UInt8, CaseIterable, Sendable {
    /// The host in Host is not one of the gateway's.
    case foreignHost
    /// The request comes from a page of another site.
    case foreignPage
    /// The target is another origin.
    case otherOrigin
    /// CONNECT.
    case tunnel

    package var name: String {
        switch self {
        case .foreignHost: "foreign_host"
        case .foreignPage: "foreign_page"
        case .otherOrigin: "other_origin"
        case .tunnel: "tunnel"
        }
    }
}
