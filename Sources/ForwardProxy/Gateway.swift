import HTTPWire
import Metering
package import ProxyTypes
import Reactor
package import Tuning
import Upstream

/// What a gateway does with the requests that come to it. Value.
package struct GatewayRoute: Hashable, Sendable {
    package var name: String
    package var origin: Origin
    /// The origin is told the Host that the client sent, instead of its own.
    package var preservesHost: Bool
    /// Cookies lose Secure, so that clients that reached the gateway without TLS send them back.
    package var stripsSecure: Bool
    /// Which hosts clients on its ports may name in Host, beside its own names.
    package var allowedHosts: [GatewayHost]

    package init(
        name: String, origin: Origin, preservesHost: Bool = false, stripsSecure: Bool = false,
        allowedHosts: [GatewayHost] = []
    ) {
        self.name = name
        self.origin = origin
        self.preservesHost = preservesHost
        self.stripsSecure = stripsSecure
        self.allowedHosts = allowedHosts
    }
}

/// Listeners for one origin: serves programs that send it requests as if connd were the origin. Loop-bound.
final class Gateway {
    /// Nil once it is removed: its clients get the answers to what they have sent, and are then closed.
    private(set) var route: GatewayRoute?
    var listeners: [Listener] = []
    var requests = 0
    var refused = Counters<GatewayRefusal>()
    private unowned let loop: ProxyLoop
    private var cached: GatewayTarget?

    init(_ route: GatewayRoute, loop: ProxyLoop) {
        self.route = route
        self.loop = loop
    }

    /// Applies to the next request of each client. Nil: it is removed.
    func setRoute(_ new: GatewayRoute?) {
        guard new != route else { return }
        route = new
        cached = nil
    }

    func forgetTarget() { cached = nil }

    var isRemoved: Bool { route == nil }

    /// The target as decided earlier, if nothing has changed since.
    var knownTarget: GatewayTarget? { cached.flatMap { $0.pool.isForgotten ? nil : $0 } }

    /// Where its requests go: decided anew when policy or settings have changed, or the pool was forgotten.
    func target() -> Result<GatewayTarget, ErrorResponse> {
        if let knownTarget { return .success(knownTarget) }
        guard let route else {
            let text = "the gateway on this address has been removed"
            return .failure(ErrorResponse(status: 421, kind: .httpRequestError, detail: text))
        }
        switch RequestRouting.pool(for: route.origin, loop) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let pool):
            let target = GatewayTarget(route: route, pool: pool)
            cached = target
            return .success(target)
        }
    }

    /// Whether the authority in an absolute-form target is this gateway as one of its clients sees it: this host, at a
    /// port where it listens. A client on a Unix socket has no port to name.
    func isNamed(host: OriginHost, port: UInt16) -> Bool {
        guard PageRequests.meansThisHost(host) else {
            return listeners.contains {
                $0.socket.localAddress.map { $0.address == host.address && $0.port == port } ?? false
            }
        }
        return listeners.contains { $0.socket.localAddress.map { $0.port == port } ?? true }
    }

    /// Whether a client may name the host in Host: this host, where the gateway listens, its origin, or one that its
    /// definition allows. With any port, as ports are forwarded.
    func answers(to host: OriginHost) -> Bool {
        if PageRequests.meansThisHost(host) || route?.origin.host == host.description { return true }
        if let address = host.address {
            let bound = listeners.compactMap { $0.socket.localAddress?.address }
            if bound.contains(where: { $0 == address || $0.isUnspecified }) { return true }
        }
        return route?.allowedHosts.contains { $0.matches(host) } ?? false
    }
}

extension Gateway: ListenerHandler {
    var hasRoom: Bool { loop.hasRoom }
    var mayMakeRoom: Bool { loop.mayMakeRoom }
    func makeRoom() -> Bool { loop.makeRoom() }
    func outOfDescriptors() { loop.outOfDescriptors() }
    func acceptingPaused() { loop.acceptingPaused() }

    func accepted(_ stream: any ByteStream, peer: IPAddress?) {
        loop.accept(stream, peer: peer, gateway: self)
    }
}

/// A gateway's route with the pool that serves it. Immutable; loop-bound.
final class GatewayTarget {
    let route: GatewayRoute
    let pool: UpstreamPool

    init(route: GatewayRoute, pool: UpstreamPool) {
        self.route = route
        self.pool = pool
    }

    /// The names that the origin's answers may use for it: with `tls: originate` it serves an http origin, and knows
    /// itself as the https one.
    var origins: [Origin] { route.origin == pool.origin ? [pool.origin] : [pool.origin, route.origin] }
}

/// How the answers to a client of a gateway are rewritten, which depends on the name by which the client knows the gateway.
/// Serves all requests of a client with the same Host. Immutable; loop-bound.
final class GatewayAnswers {
    let target: GatewayTarget
    private let authority: WrittenAuthority
    let rewrite: ResponseRewrite

    init(_ target: GatewayTarget, _ head: borrowing RequestHead, _ bytes: RawSpan) {
        self.target = target
        authority = WrittenAuthority(head, bytes)
        let isKnown = head.form == .origin && !authority.bytes.isEmpty
        rewrite = ResponseRewrite(
            origins: target.origins, base: isKnown ? Array("http://".utf8) + authority.bytes : [],
            stripsSecure: target.route.stripsSecure)
    }

    func serves(_ other: GatewayTarget?, _ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        other === target && head.form == .origin && authority.isOf(head, bytes)
    }
}
