/// Why a gateway did not forward a request.
package enum GatewayRefusal: UInt8, CaseIterable, Sendable {
    /// Host is not a name of the gateway's.
    case foreignHost
    /// A page of another site asks.
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
