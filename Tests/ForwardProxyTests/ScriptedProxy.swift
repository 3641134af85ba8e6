import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Resolving
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

/// The whole data path over a `ScriptedKernel`: a test plays the clients and origins, and time passes only when it says so.
final class ScriptedProxy {
    let kernel = ScriptedKernel(opensAtOnce: true)
    let reactor: Reactor
    let upstream: UpstreamLoop
    let loop: ProxyLoop

    static let origin = "http://192.0.2.1"
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    init(
        _ configuration: ProxyConfiguration = ProxyConfiguration(), _ settings: EffectiveSettings = EffectiveSettings()
    ) {
        reactor = Reactor(kernel: kernel)
        upstream = UpstreamLoop(
            reactor: reactor,
            resolver: Resolver { name, completion in
                let isKnown = name.hasSuffix(".example")
                completion(isKnown ? .addresses([IPAddress(ipv4: 0xC000_0201)]) : .failed("no such name here"))
            },
            total: ConnectionBudget(limit: configuration.maxUpstreamConnections), headLimits: HeadLimits(), seed: 1,
            settings: { _ in settings })
        upstream.tls = PlainTLS(reactor)
        loop = ProxyLoop(configuration: configuration, upstream: upstream, accessLog: nil, pseudonym: "connd-test")
    }

    func connect(from address: IPAddress? = nil) throws -> ScriptedPeer {
        let peer = kernel.makePeer()
        loop.accepted(try TCPStream(peer.descriptor, reactor: reactor), peer: address)
        return peer
    }

    /// A client that has sent `request`, and the origin that has received it on a new connection: the first, where there are
    /// several.
    func start(_ request: String = get()) throws -> (client: ScriptedPeer, origin: ScriptedPeer) {
        let client = try connect()
        let before = kernel.outgoing.count
        send(client, request)
        return (client, try #require(kernel.outgoing.dropFirst(before).first))
    }

    func send(_ peer: ScriptedPeer, _ text: String) {
        peer.send(text)
        rest()
    }

    func end(_ peer: ScriptedPeer) {
        peer.end()
        rest()
    }

    func reset(_ peer: ScriptedPeer) {
        peer.reset()
        rest()
    }

    /// Until nothing more happens at this time. Bounded: a loop that is never at rest fails the test.
    func rest(at location: SourceLocation = #_sourceLocation) {
        var quiet = 0
        for _ in 0..<1000 {
            quiet = kernel.hasEvents ? 0 : quiet + 1
            reactor.turn()
            if quiet > 3 { return }
        }
        Issue.record("the loop does not come to rest", sourceLocation: location)
    }

    func pass(_ interval: Interval) {
        kernel.advance(by: interval)
        rest()
    }

    func closed(_ reason: ClientCloseReason) -> UInt64 { UInt64(upstream.metrics.clientsClosed[reason]) }

    /// Nothing is left of any client or exchange.
    func expectNoClients(at location: SourceLocation = #_sourceLocation) {
        #expect(loop.clientCount == 0, sourceLocation: location)
        for pool in upstream.allPools {
            #expect(pool.active == 0 && pool.counts.waiting == 0, sourceLocation: location)
        }
    }

    static func get(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(origin)\(path) HTTP/1.1\r\nHost: 192.0.2.1\r\n\(fields)\r\n"
    }

    static func post(_ path: String = "/", length: Int, _ fields: String = "") -> String {
        "POST \(origin)\(path) HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Length: \(length)\r\n\(fields)\r\n"
    }
}
