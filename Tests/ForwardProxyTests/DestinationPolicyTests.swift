import ProxyTypes
import Testing
import Tuning
import Upstream

@testable import ForwardProxy

@Suite("Destination policy")
struct DestinationPolicyTests {
    private func policy(allow: [String] = [], deny: [String] = []) throws -> DestinationPolicy {
        var made = DestinationPolicy()
        made.allow = try allow.map { try DestinationPattern(parsing: $0) }
        made.deny = try deny.map { try DestinationPattern(parsing: $0) }
        return made
    }

    private func origin(_ host: String, port: UInt16 = 80) -> Origin {
        Origin(scheme: .http, host: host, port: port)
    }

    private func address(_ text: String) throws -> IPAddress {
        try #require(IPAddress(text))
    }

    @Test("with empty lists everything is allowed")
    func emptyAllows() throws {
        let policy = try policy()
        #expect(policy.verdict(onName: origin("example.com")) == .allowed)
        #expect(policy.verdict(on: try address("10.0.0.1"), port: 80, of: origin("example.com")) == .allowed)
    }

    @Test("a denied name is refused before it is looked up, a denied address whatever name led to it")
    func denyNamesAndAddresses() throws {
        let policy = try policy(deny: ["*.internal", "169.254.0.0/16"])
        #expect(policy.verdict(onName: origin("db.internal")) == .denied)
        #expect(policy.verdict(onName: origin("harmless.example")) == .allowed)
        let metadata = try address("169.254.169.254")
        #expect(policy.verdict(on: metadata, port: 80, of: origin("harmless.example")) == .denied)
    }

    @Test("with an allow list only what it names passes, and deny still wins")
    func allowNames() throws {
        let policy = try policy(allow: ["*.example.com", "10.0.0.0/8"], deny: ["10.9.0.0/16"])
        let named = origin("a.example.com")
        let other = origin("other.net")
        #expect(policy.verdict(onName: named) == .allowed)
        #expect(policy.verdict(on: try address("192.0.2.1"), port: 80, of: named) == .allowed)
        #expect(policy.verdict(on: try address("10.9.1.1"), port: 80, of: named) == .denied)
        #expect(policy.verdict(onName: other) == .allowed, "its address may be in the allowed range")
        #expect(policy.verdict(on: try address("10.1.1.1"), port: 80, of: other) == .allowed)
        #expect(policy.verdict(on: try address("192.0.2.1"), port: 80, of: other) == .denied)
    }

    @Test("without an allowed range a name that is not allowed needs no look-up")
    func allowOnlyNames() throws {
        let policy = try policy(allow: ["*.example.com"])
        #expect(policy.verdict(onName: origin("other.net")) == .denied)
    }

    @Test("connd's own listeners are a loop, on their port only")
    func ownListeners() throws {
        var policy = try policy()
        policy.ownListeners = [(try address("127.0.0.1"), 3128), (try address("0.0.0.0"), 3130)]
        policy.localAddresses = [try address("192.0.2.7")]
        let any = origin("x.example")
        #expect(policy.verdict(on: try address("127.0.0.1"), port: 3128, of: any) == .loop)
        #expect(policy.verdict(on: try address("0.0.0.0"), port: 3128, of: any) == .loop)
        #expect(policy.verdict(on: try address("127.0.0.1"), port: 80, of: any) == .allowed)
        #expect(policy.verdict(on: try address("192.0.2.7"), port: 3130, of: any) == .loop)
        #expect(policy.verdict(on: try address("192.0.2.8"), port: 3130, of: any) == .allowed)
        #expect(policy.verdict(on: try address("127.0.0.9"), port: 3130, of: any) == .loop)
    }

    @Test("CONNECT is for the listed ports")
    func connectPorts() throws {
        var policy = try policy()
        #expect(policy.permitsConnect(to: 443))
        #expect(!policy.permitsConnect(to: 25))
        policy.connectPorts = .any
        #expect(policy.permitsConnect(to: 25))
    }
}
