import Metering
import Pooling
import ProxyTypes
import Reactor
import Resolving
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

#if canImport(Glibc)
    import Glibc
#endif

@Suite("A dial")
struct DialTests {
    private let resolver = ScriptedResolver()
    private let fixture: UpstreamFixture
    private let outcomes = Outcomes()

    private final class Outcomes {
        var all: [Result<DialledStream, ProxyError>] = []
        var kinds: [ProxyError.Kind?] {
            all.map { if case .failure(let error) = $0 { error.kind } else { nil } }
        }
        var details: [String] {
            all.compactMap { if case .failure(let error) = $0 { error.detail } else { nil } }
        }
    }

    init() {
        fixture = UpstreamFixture(resolver: resolver.resolver) {
            $0.connectTimeout = .seconds(10)
            $0.happyEyeballsDelay = .milliseconds(250)
        }
    }

    private func start(_ host: String = "name.example", family: IPFamily = .any) -> Dial {
        var settings = fixture.settings
        settings.ipFamily = family
        let dial = Dial(
            origin: Origin(scheme: .http, host: host, port: 80), settings: settings, loop: fixture.loop, cause: .demand)
        dial.start { [outcomes] in outcomes.all.append($0) }
        return dial
    }

    private func resolve(_ texts: [String]) {
        resolver.answer(.addresses(texts.compactMap { IPAddress($0) }))
        fixture.turn()
    }

    private var dialled: [String] { fixture.kernel.peers.compactMap(\.endpoint?.description) }

    /// No socket and no timer is left.
    private var isAtRest: Bool {
        fixture.turn()
        return fixture.kernel.peers.allSatisfy(\.isClosed) && !fixture.kernel.hasTimers
    }

    @Test("an address needs no look-up")
    func literal() throws {
        let dial = start("192.0.2.7")
        #expect(dialled == ["192.0.2.7:80"] && resolver.hosts.isEmpty && outcomes.all.isEmpty)
        fixture.kernel.advance(by: .milliseconds(30))
        fixture.peer.accept()
        fixture.turn()
        let stream = try #require(try outcomes.all.first?.get())
        #expect(stream.times.connect == .milliseconds(30) && stream.times.dns == .zero && !fixture.kernel.hasTimers)
        stream.stream.close()
        withExtendedLifetime(dial) {}
    }

    @Test("the look-up and the connection are timed apart")
    func times() throws {
        let dial = start()
        fixture.advance(by: .milliseconds(20))
        resolve(["192.0.2.1"])
        fixture.kernel.advance(by: .milliseconds(30))
        fixture.peer.accept()
        fixture.turn()
        let stream = try #require(try outcomes.all.first?.get())
        #expect(stream.times.dns == .milliseconds(20) && stream.times.connect == .milliseconds(30))
        stream.stream.close()
        withExtendedLifetime(dial) {}
    }

    @Test("an outcome never comes from within start, even where it is known at once")
    func neverWithinStart() {
        fixture.kernel.connectErrors = [ENETUNREACH]
        let dial = start("192.0.2.7")
        #expect(outcomes.all.isEmpty)
        fixture.turn()
        #expect(outcomes.kinds == [.destinationUnavailable] && isAtRest)
        withExtendedLifetime(dial) {}
    }

    @Test("a look-up has connect_timeout, and is given up then where nobody else waits for it")
    func abandonedLookUp() {
        let dial = start()
        fixture.advance(by: .seconds(9))
        #expect(outcomes.all.isEmpty)
        fixture.advance(by: .seconds(1))
        #expect(outcomes.kinds == [.dnsTimeout] && isAtRest)
        #expect(resolver.abandoned == ["name.example"])
        let next = start()
        #expect(resolver.hosts == ["name.example"])
        resolve(["192.0.2.1"])
        #expect(dialled == ["192.0.2.1:80"])
        next.cancel()
        withExtendedLifetime(dial) {}
    }

    @Test("a name that does not resolve, or not to the family that is wanted, fails")
    func noAddress() {
        let (first, second) = (start(), start("other.example", family: .ipv6))
        resolver.answer(.noSuchName("not found"))
        resolver.answer(.addresses([IPAddress(ipv4: 0xC000_0201)]))
        fixture.turn()
        #expect(outcomes.kinds == [.dnsError, .destinationUnavailable] && isAtRest)
        withExtendedLifetime((first, second)) {}
    }

    // MARK: The race

    @Test("the next address is tried after happy_eyeballs_delay, and the first to connect closes the others")
    func race() throws {
        // Nothing is known of what can be reached.
        fixture.kernel.source = nil
        let dial = start()
        resolve(["192.0.2.1", "2001:db8::1", "192.0.2.2"])
        #expect(dialled == ["[2001:db8::1]:80"])
        fixture.advance(by: .milliseconds(250))
        #expect(dialled == ["[2001:db8::1]:80", "192.0.2.1:80"])
        fixture.peer.accept()
        fixture.turn()
        let stream = try #require(try outcomes.all.first?.get())
        #expect(outcomes.all.count == 1 && dialled.count == 2)
        #expect(fixture.kernel.peers.map(\.isClosed) == [true, false])
        stream.stream.close()
        #expect(isAtRest)
        withExtendedLifetime(dial) {}
    }

    @Test("an address that refuses is followed by the next at once; the first error is told in full, then the others")
    func refused() {
        fixture.kernel.connectErrors = [ENETUNREACH]
        let dial = start()
        resolve(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
        #expect(dialled.count == 2)
        fixture.peer.refuse()
        fixture.turn()
        #expect(dialled.count == 3 && outcomes.all.isEmpty)
        fixture.peer.refuse()
        fixture.turn()
        #expect(outcomes.kinds == [.destinationUnavailable] && isAtRest)
        let detail = outcomes.details.first ?? ""
        #expect(detail.hasSuffix("; other addresses: 192.0.2.2 refused, 192.0.2.3 refused"), "\(detail)")
        withExtendedLifetime(dial) {}
    }

    @Test("each address has connect_timeout")
    func attemptTimeout() {
        let dial = start()
        resolve(["192.0.2.1", "192.0.2.2"])
        fixture.advance(by: .milliseconds(250))
        fixture.advance(by: .milliseconds(9_750))
        #expect(fixture.kernel.peers.map(\.isClosed) == [true, false] && outcomes.all.isEmpty)
        fixture.advance(by: .milliseconds(250))
        #expect(outcomes.kinds == [.connectionTimeout] && isAtRest)
        withExtendedLifetime(dial) {}
    }

    @Test(
        "what the system says of an attempt becomes a kind of failure that names the address",
        arguments: [
            (ECONNREFUSED, .connectionRefused, "192.0.2.7:80 refused"),
            (ETIMEDOUT, .connectionTimeout, "192.0.2.7:80 did not answer"),
            (ECONNRESET, .connectionTerminated, "192.0.2.7:80 reset"),
            (EADDRNOTAVAIL, .connectionLimitReached, "connection to 192.0.2.7:80: widen net.ipv4.ip_local_port_range"),
            (EMFILE, .connectionLimitReached, "file descriptors"),
            (EHOSTUNREACH, .destinationUnavailable, "connecting to 192.0.2.7:80 failed"),
        ] as [(CInt, ProxyError.Kind, String)])
    func errors(_ code: CInt, _ kind: ProxyError.Kind, _ text: String) {
        fixture.kernel.connectErrors = [code]
        let dial = start("192.0.2.7")
        fixture.turn()
        #expect(outcomes.kinds == [kind] && isAtRest)
        #expect(outcomes.details.first?.contains(text) == true, "\(outcomes.details)")
        withExtendedLifetime(dial) {}
    }

    // MARK: Which addresses

    /// Forbids 192.0.2.1 and takes 192.0.2.2 for connd itself.
    private struct Policy: AddressPolicy {
        func verdict(on address: IPAddress, port: UInt16, of origin: Origin) -> AddressVerdict {
            switch address.description {
            case "192.0.2.1": .denied
            case "192.0.2.2": .loop
            default: .allowed
            }
        }
    }

    @Test("addresses that may not be connected to are left out; the failure says why where none is left")
    func forbidden() {
        fixture.loop.addressPolicy = Policy()
        let dials = ["a.example", "b.example", "c.example"].map { start($0) }
        resolve(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
        #expect(dialled == ["192.0.2.3:80"])
        resolve(["192.0.2.1", "192.0.2.2"])
        resolve(["192.0.2.1"])
        #expect(outcomes.kinds == [.proxyLoopDetected, .destinationIPProhibited])
        for dial in dials { dial.cancel() }
        #expect(isAtRest)
    }

    @Test(
        "ip_family chooses among the addresses",
        arguments: [(IPFamily.ipv4, "192.0.2.1:80"), (.ipv6, "[2001:db8::1]:80")])
    func family(_ family: IPFamily, _ expected: String) {
        let dial = start(family: family)
        resolve(["2001:db8::1", "192.0.2.1"])
        fixture.advance(by: .seconds(1))
        #expect(dialled == [expected])
        dial.cancel()
    }

    // MARK: Cancelling

    @Test("a cancelled dial leaves nothing behind and reports nothing", arguments: 0..<4)
    func cancel(stage: Int) {
        weak var remains: Dial?
        do {
            if stage == 2 { fixture.kernel.connectErrors = [ENETUNREACH] }
            let dial = start()
            remains = dial
            if stage == 1 { resolve(["192.0.2.1", "192.0.2.2"]) }
            if stage == 2 { resolver.answer(.addresses([IPAddress(ipv4: 0xC000_0201)])) }
            if stage == 3 {
                resolve(["192.0.2.1", "192.0.2.2"])
                fixture.advance(by: .milliseconds(250))
            }
            dial.cancel()
        }
        #expect(remains == nil && isAtRest)
        #expect(resolver.abandoned == (stage == 0 ? ["name.example"] : []))
        fixture.advance(by: .hours(1))
        #expect(outcomes.all.isEmpty && isAtRest)
    }
}
