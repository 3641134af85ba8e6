import ProxyTypes
import Testing

@Suite struct AddressReachTests {
    @Test(
        "a connection to an address reaches it, this host for the unspecified ones, and what a gateway makes of it",
        arguments: [
            ("127.0.0.1", "127.0.0.1", []), ("::1", "::1", []), ("192.0.2.1", "192.0.2.1", []),
            ("2001:db8::1", "2001:db8::1", []), ("fe80::1", "fe80::1", []), ("ff02::1", "ff02::1", []),
            ("255.255.255.255", "255.255.255.255", []), ("224.0.0.1", "224.0.0.1", []),
            // This host.
            ("0.0.0.0", "127.0.0.1", ["127.0.0.1"]), ("::", "::1", ["::1"]), ("::ffff:0:0", "127.0.0.1", ["127.0.0.1"]),
            // A gateway's, as any other.
            ("0.0.0.1", "0.0.0.1", []), ("0.1.2.3", "0.1.2.3", []),
            // Mapped: the IPv4 address itself.
            ("::ffff:127.0.0.1", "127.0.0.1", []),
            // IPv4-compatible and IPv4-translated.
            ("::127.0.0.1", "::127.0.0.1", ["127.0.0.1"]), ("::2", "::2", []),
            ("::ffff:0:127.0.0.1", "::ffff:0:127.0.0.1", ["127.0.0.1"]),
            // NAT64.
            ("64:ff9b::127.0.0.1", "64:ff9b::127.0.0.1", ["127.0.0.1"]),
            ("64:ff9b::a9fe:a9fe", "64:ff9b::a9fe:a9fe", ["169.254.169.254"]), ("64:ff9b::", "64:ff9b::", []),
            ("64:ff9b:0:1::7f00:1", "64:ff9b:0:1::7f00:1", []),
            ("64:ff9b:1::127.0.0.1", "64:ff9b:1::127.0.0.1", ["127.0.0.1"]),
            ("64:ff9b:1:7f00:0:100::", "64:ff9b:1:7f00:0:100::", ["127.0.0.1"]),
            ("64:ff9b:1:7f:0:1::", "64:ff9b:1:7f:0:1::", ["127.0.0.1"]),
            ("64:ff9b:1:ab:7f:0:100:0", "64:ff9b:1:ab:7f:0:100:0", ["127.0.0.1"]),
            ("64:ff9b:2::7f00:1", "64:ff9b:2::7f00:1", []),
            // 6to4.
            ("2002:7f00:1::", "2002:7f00:1::", ["127.0.0.1"]), ("2002:a00:1::5", "2002:a00:1::5", ["10.0.0.1"]),
            // Teredo: the server, and the client inverted.
            ("2001:0:7f00:1:0:f227:f5ff:fffe", "2001:0:7f00:1:0:f227:f5ff:fffe", ["127.0.0.1", "10.0.0.1"]),
            // ISATAP.
            ("fe80::5efe:127.0.0.1", "fe80::5efe:127.0.0.1", ["127.0.0.1"]),
            ("2001:db8::200:5efe:10.0.0.1", "2001:db8::200:5efe:10.0.0.1", ["10.0.0.1"]),
        ] as [(String, String, [String])])
    func reaches(text: String, destination: String, others: [String]) throws {
        let address = try #require(IPAddress(text))
        #expect(address.destination == IPAddress(destination))
        let reached = Set(address.reaches.map(\.description))
        let expected = [text] + others
        let known = try Set(expected.map { try #require(IPAddress($0)).description })
        #expect(reached.isSuperset(of: known), "\(reached)")
        // Readings of a prefix that do not apply may say more, but only within the prefix that leaves its length open.
        if !text.hasPrefix("64:ff9b:1:") { #expect(reached == known) }
    }

    @Test("an origin on an unspecified address goes to loopback, every other one to itself")
    func origins() {
        for (host, destination) in [
            ("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]"), ("[::ffff:0:0]", "127.0.0.1"), ("10.0.0.1", "10.0.0.1"),
            ("example.com", "example.com"), ("[::1]", "[::1]"),
        ] {
            let origin = Origin(scheme: .https, host: host, port: 8443)
            #expect(origin.destination == Origin(scheme: .https, host: destination, port: 8443))
        }
    }
}
