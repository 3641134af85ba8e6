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

    @Test(
        "a listener is reached by what the kernel takes for its address",
        arguments: [
            (
                "127.0.0.1", ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:0:0"],
                ["::1", "::", "127.0.0.2", "0.0.0.1"]
            ),
            ("127.0.0.9", ["127.0.0.9"], ["0.0.0.0", "127.0.0.1"]),
            ("::1", ["::1", "::"], ["127.0.0.1", "0.0.0.0", "::2"]),
            (
                "0.0.0.0", ["0.0.0.0", "127.9.9.9", "192.0.2.7", "::ffff:192.0.2.7"],
                ["192.0.2.8", "0.0.0.1", "2001:db8::1"]
            ),
            ("::", ["::", "::1", "2001:db8::7", "127.0.0.1", "0.0.0.0"], ["2001:db8::8"]),
            ("192.0.2.7", ["192.0.2.7"], ["0.0.0.0", "127.0.0.1"]),
        ])
    func loops(listener: String, ours: [String], others: [String]) throws {
        var policy = try policy()
        policy.ownListeners = [(try address(listener), 3128)]
        policy.localAddresses = [try address("192.0.2.7"), try address("2001:db8::7")]
        for text in ours {
            #expect(policy.verdict(on: try address(text), port: 3128, of: origin("x")) == .loop, "\(text)")
            #expect(policy.verdict(on: try address(text), port: 80, of: origin("x")) == .allowed, "\(text)")
        }
        for text in others {
            #expect(policy.verdict(on: try address(text), port: 3128, of: origin("x")) == .allowed, "\(text)")
        }
    }

    /// Addresses, and whether `deny` and `allow` of loopback stop and pass them.
    static let loopback: [(address: String, denied: Bool, allowed: Bool)] = [
        ("127.0.0.1", true, true), ("127.0.0.0", true, true), ("127.255.255.255", true, true), ("::1", true, true),
        ("0.0.0.0", true, true), ("::", true, true), ("::ffff:0:0", true, true), ("::ffff:127.0.0.1", true, true),
        // Only a gateway makes loopback of them: whether its own or this host's is not known.
        ("::127.0.0.1", true, false), ("::ffff:0:127.0.0.1", true, false), ("64:ff9b::127.0.0.1", true, false),
        ("64:ff9b:1::127.0.0.1", true, false), ("64:ff9b:1:7f00:0:100::", true, false), ("2002:7f00:1::1", true, false),
        ("2001:0:7f00:1::", true, false), ("2001:0:a00:1::80ff:fffe", true, false),
        ("fe80::5efe:127.0.0.1", true, false),
        // Not this host: a gateway's, or nobody's.
        ("0.0.0.1", false, false), ("0.1.2.3", false, false), ("255.255.255.255", false, false),
        ("224.0.0.1", false, false), ("ff02::1", false, false), ("169.254.169.254", false, false),
        ("fe80::1", false, false),
        ("::2", false, false), ("64:ff9b::10.0.0.1", false, false), ("64:ff9b::", false, false),
        ("64:ff9b:1::93.184.216.34", false, false), ("2002:a00:1::1", false, false), ("2001:db8::7f00:1", false, false),
        // An address of this host that is not loopback is denied by itself, not by loopback.
        ("192.0.2.7", false, false),
    ]

    @Test("loopback is denied and allowed by whatever reaches it, named by a client or by DNS", arguments: loopback)
    func reachingLoopback(text: String, isDenied: Bool, isAllowed: Bool) throws {
        let ranges = ["127.0.0.0/8", "::1/128"]
        let (deny, allow) = (try policy(deny: ranges), try policy(allow: ranges))
        let address = try address(text)
        let literal = Origin(scheme: .http, host: OriginHost(address), port: 80)
        #expect(deny.verdict(onName: literal) == (isDenied ? .denied : .allowed))
        for origin in [literal, origin("x.example")] {
            #expect(deny.verdict(on: address, port: 80, of: origin) == (isDenied ? .denied : .allowed))
            #expect(allow.verdict(on: address, port: 80, of: origin) == (isAllowed ? .allowed : .denied))
        }
        let single = try policy(deny: ["127.0.0.1:80", "http://[::1]"])
        let isOne = isDenied && !["127.0.0.0", "127.255.255.255"].contains(text)
        #expect(single.verdict(onName: literal) == (isOne ? .denied : .allowed))
        #expect(single.verdict(on: address, port: 80, of: origin("x.example")) == (isOne ? .denied : .allowed))
    }

    @Test("what is carried within an address is denied by its range, and allowed by the address itself alone")
    func carried() throws {
        let metadata = try policy(deny: ["169.254.0.0/16"])
        for text in ["64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::169.254.169.254"] {
            #expect(metadata.verdict(on: try address(text), port: 80, of: origin("x")) == .denied, "\(text)")
        }
        let gateway = try policy(allow: ["64:ff9b::/96"], deny: ["10.0.0.0/8"])
        #expect(gateway.verdict(on: try address("64:ff9b::93.184.216.34"), port: 80, of: origin("x")) == .allowed)
        #expect(gateway.verdict(on: try address("64:ff9b::10.0.0.1"), port: 80, of: origin("x")) == .denied)
        let network = try policy(allow: ["93.184.216.0/24"])
        #expect(network.verdict(on: try address("64:ff9b::93.184.216.34"), port: 80, of: origin("x")) == .denied)
    }

    @Test("an entry that names an unspecified address denies it, and allows nothing: no connection goes there")
    func unspecifiedEntries() throws {
        for (text, entry) in [
            ("0.0.0.0", "0.0.0.0"), ("0.0.0.0", "0.0.0.0/8"), ("::", "::"), ("0.0.0.0", "0.0.0.0:80"),
        ] {
            let address = try address(text)
            let literal = Origin(scheme: .http, host: OriginHost(address), port: 80)
            #expect(try policy(deny: [entry]).verdict(onName: literal) == .denied, "\(entry)")
            #expect(try policy(deny: [entry]).verdict(on: address, port: 80, of: origin("x")) == .denied, "\(entry)")
            #expect(try policy(allow: [entry]).verdict(on: address, port: 80, of: literal) == .denied, "\(entry)")
        }
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
