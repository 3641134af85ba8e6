import CLinux
import HTTPWire
import Pooling
import ProxyTypes
import Reactor
import Resolving
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

#if canImport(Glibc)
    import Glibc
#endif

/// A socket that listens on loopback, and whether somebody came.
private struct Door {
    let descriptor: CInt
    let address: IPAddress
    let port: UInt16

    /// Nil where this machine has no such address.
    init?(_ address: IPAddress) throws {
        let bytes = address.bytes
        descriptor = clinux_listen_tcp(bytes, CInt(bytes.count), 0, 8)
        guard descriptor >= 0 else { return nil }
        self.address = address
        var room = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        guard clinux_local_address(descriptor, &room, &port) > 0 else { return nil }
        self.port = port
    }

    /// Whether somebody waits to be accepted.
    var hasVisitor: Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, 0) == 1
    }

    func close() { Glibc.close(descriptor) }
}

@Suite("Names and the addresses behind them")
struct DialPolicyTests {
    private static let loopbacks = [IPAddress(ipv4: 0x7F00_0001), IPAddress(high: 0, low: 1)]

    /// What became of a dial to a name that resolves to `addresses`.
    private func dial(_ addresses: [IPAddress], port: UInt16, deny: [String]) throws -> Result<IPAddress?, ProxyError> {
        let reactor = try Reactor()
        let resolver = Resolver { _, completion in completion(.addresses(addresses)) }
        let loop = UpstreamLoop(
            reactor: reactor, resolver: resolver, total: ConnectionBudget(limit: 8), headLimits: HeadLimits(), seed: 1,
            settings: { _ in EffectiveSettings() })
        var policy = DestinationPolicy()
        policy.deny = try deny.map { try DestinationPattern(parsing: $0) }
        loop.addressPolicy = policy
        let origin = Origin(scheme: .http, host: "trap.example", port: port)
        let dial = Dial(origin: origin, settings: EffectiveSettings(), loop: loop)
        var outcome: Result<IPAddress?, ProxyError>?
        dial.start { result in
            outcome = result.map { dialled in
                defer { dialled.stream.close() }
                return dialled.stream.remoteEndpoint?.address
            }
            reactor.stop()
        }
        reactor.run()
        return try #require(outcome)
    }

    @Test(
        "a name that leads to an unspecified address leads to loopback, and is denied as that",
        arguments: ["0.0.0.0", "::", "::ffff:0:0", "127.0.0.1", "::1", "::ffff:127.0.0.1"])
    func unspecified(text: String) throws {
        let address = try #require(IPAddress(text))
        let loopback = address.family == .ipv4 ? Self.loopbacks[0] : Self.loopbacks[1]
        let door = try #require(try Door(loopback), "this machine has no \(loopback)")
        defer { door.close() }
        // What Linux does, and why it is denied.
        #expect(try dial([address], port: door.port, deny: ["10.0.0.0/8"]).get() == address.destination)
        #expect(door.hasVisitor && address.destination == loopback)
        let other = try #require(try Door(loopback))
        defer { other.close() }
        let result = try dial([address], port: other.port, deny: ["127.0.0.0/8", "::1/128"])
        #expect(throws: ProxyError.self) { try result.get() }
        if case .failure(let error) = result { #expect(error.kind == .destinationIPProhibited) }
        #expect(!other.hasVisitor)
    }
}
