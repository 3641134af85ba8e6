import ProxyTypes
import ReactorTestSupport
import TLSTestSupport
import Testing

@testable import TLS

/// What an origin, or anyone on the way, learns from the first bytes.
@Suite("TLS: the client hello")
struct ClientHelloTests {
    private func hello(
        host: String = "origin.test", _ change: (inout TLSProfile) -> Void = { _ in }
    ) throws -> ClientHello {
        let fixture = try TLSFixture()
        var profile = fixture.profile
        change(&profile)
        let link = try fixture.begin(nil, host: host, profile: profile)
        let hello = try ClientHello(link.socket.receivedBytes)
        #expect(hello.isAll)
        return hello
    }

    @Test("TLS 1.3 and 1.2 are offered, or 1.3 alone", arguments: [TLSInfo.Version.v1_2, .v1_3])
    func versions(min: TLSInfo.Version) throws {
        let hello = try hello { $0.minVersion = min }
        #expect(hello.recordVersion == 0x301 && hello.version == 0x303)
        let versions = try hello.list(ClientHello.versions, lengthSize: 1, size: 2)
        #expect(versions == (min == .v1_2 ? [0x304, 0x303] : [0x304]))
    }

    @Test(
        "the host is sent as the server's name, and an address is not",
        arguments: [("origin.test", true), ("192.0.2.1", false), ("2001:db8::1", false)])
    func serverName(host: String, isSent: Bool) throws {
        let name = try hello(host: host).extensions[ClientHello.serverName]
        // A list of one name of the kind `host_name`, each behind its length.
        let length = UInt8(host.utf8.count)
        #expect(name == (isSent ? [0, length + 3, 0, 0, length] + Array(host.utf8) : nil))
    }

    @Test("tls_server_name is sent instead, and none where it is an address", arguments: ["other.test", "192.0.2.7"])
    func serverNameSetting(name: String) throws {
        let sent = try hello { $0.serverName = name }.extensions[ClientHello.serverName]
        #expect(sent.map { Array($0.dropFirst(5)) } == (name == "other.test" ? Array(name.utf8) : nil))
    }

    @Test("HTTP/1.1 is the only protocol")
    func applicationProtocols() throws {
        let list = try hello().extensions[ClientHello.applicationProtocols]
        #expect(list == [0, 9, 8] + Array("http/1.1".utf8))
    }

    @Test("ciphers encrypt, authenticate and are of today")
    func ciphers() throws {
        let ciphers = try hello().ciphers
        // AES-128-GCM first, of TLS 1.3 and of 1.2.
        #expect(ciphers.prefix(5) == [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F])
        // Others of TLS 1.2 are offered too: AES-256, ChaCha20, CBC, DHE, and RSA without a forward secret.
        #expect(Set([0xC02C, 0xC030, 0xCCA8, 0xCCA9, 0xC023, 0x009E, 0x009C]).isSubset(of: ciphers))
        // NULL, export, RC4, DES, 3DES, IDEA, and those without a certificate.
        let broken: Set<Int> = Set(0x0000...0x001B).union(0x0034...0x0034).union(0x003A...0x003B)
            .union([0x006C, 0x006D, 0x0089, 0x009B, 0x00A6, 0x00A7, 0xC001, 0xC002, 0xC003, 0xC006, 0xC007, 0xC008])
            .union([0xC00B, 0xC00C, 0xC00D, 0xC010, 0xC011, 0xC012]).union(0xC015...0xC019)
        #expect(broken.isDisjoint(with: ciphers), "\(ciphers.map { String($0, radix: 16) })")
        // 0x00FF: no renegotiation that could be taken for another's (RFC 5746).
        #expect(ciphers.last == 0xFF)
    }

    @Test("signatures with SHA-1 or MD5 are not accepted")
    func signatures() throws {
        let signatures = try hello().list(ClientHello.signatures, lengthSize: 2, size: 2)
        #expect(!signatures.contains { (0x0000...0x02FF).contains($0) }, "\(signatures.map { String($0, radix: 16) })")
        #expect(signatures.contains(0x0403) && signatures.contains(0x0804))
    }

    @Test("groups are of 112 bits and more, and a key of X25519 alone goes ahead")
    func groups() throws {
        let hello = try hello()
        let groups = try hello.list(ClientHello.groups, lengthSize: 2, size: 2)
        // P-256, P-384, P-521, X25519, X448, and the finite fields of RFC 7919.
        let known = Set([0x17, 0x18, 0x19, 0x1D, 0x1E]).union(0x100...0x104)
        #expect(groups.prefix(2) == [0x1D, 0x17] && Set(groups).isSubset(of: known), "\(groups)")
        #expect(try hello.keyShares() == [0x1D: 32])
        #expect(hello.extensions[ClientHello.pointFormats]?.dropFirst().contains(0) == true)
    }

    @Test("nothing of one hello is in another that could tell who sent both")
    func unlinkable() throws {
        let (one, other) = (try hello(), try hello())
        #expect(one.random != other.random && one.sessionID != other.sessionID)
        #expect(one.extensions[ClientHello.keyShare] != other.extensions[ClientHello.keyShare])
        // As middle boxes of TLS 1.2 expect it (RFC 8446 D.4); no time stands in front of the random bytes.
        #expect(one.sessionID.count == 32 && one.random.prefix(4) != other.random.prefix(4))
        #expect(one.kinds == other.kinds && one.ciphers == other.ciphers)
    }

    @Test("it fits one segment, also with the longest of names")
    func size() throws {
        let label = String(repeating: "a", count: 61)
        let name = [label, label, label, label].joined(separator: ".")
        #expect(try hello(host: name).size < 1200)
    }

    @Test("there is no compression, early data, heartbeat, or anything else that was not asked for")
    func extensions() throws {
        let hello = try hello()
        #expect(hello.compressions == [0])
        #expect(hello.extensions[ClientHello.extendedMasterSecret] == [])
        #expect(hello.extensions[ClientHello.sessionTicket] == [])
        // Keys agreed on before are not enough alone.
        #expect(hello.extensions[ClientHello.keyModes] == [1, 1])
        // Server name, groups, points, signatures, protocols, encrypt-then-MAC, master secret, ticket, versions, key modes,
        // key share.
        let known: Set<Int> = [0, 10, 11, 13, 16, 22, 23, 35, 43, 45, 51]
        #expect(Set(hello.kinds) == known && hello.kinds.count == known.count, "\(hello.kinds)")
    }
}
