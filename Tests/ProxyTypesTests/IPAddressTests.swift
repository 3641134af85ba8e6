import ProxyTypes
import Testing

@Suite struct IPAddressTests {
    @Test(
        "addresses are printed by RFC 5952, however they were written",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("0:0:0:1::", "0:0:0:1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("::ffff:10.1.2.3", "10.1.2.3"), ("::ffff:a01:203", "10.1.2.3"), ("0:0:0:0:0:ffff:10.1.2.3", "10.1.2.3"),
            ("::10.1.2.3", "::a01:203"), ("64:ff9b::10.1.2.3", "64:ff9b::a01:203"), ("fe80::", "fe80::"),
        ])
    func canonical(text: String, printed: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == printed)
        #expect(IPAddress(printed) == address)
    }

    @Test(
        "loose spellings are refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "01.2.3.4", "00.0.0.0", "1.2.3.4 ", " 1.2.3.4",
            "1.2.3.-4",
            "1.2.3.+4", "0x7f.0.0.1", "2130706433", "1..2.3", "1.2.3.", ".1.2.3", "1.2.3.4a", "१.2.3.4", "1.2.3.1000",
            ":", ":::",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1::", "1:2:3:4:5:6:7:8::", "1:2:3:4::5:6:7:8",
            "12345::", "g::", "::1%lo",
            "[::1]", "::1]", ":1", "1:", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1.2.3", "::1.2.3.256", "1.2.3.4::",
            "::1.2.3.4:5",
            "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:1.2.3.4:7", "::ffff:1.2.3.04", "::-1", "::+1", "::0x1",
        ])
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("random addresses survive printing and parsing, and their bytes", arguments: UInt64(1)...4)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            // Whole groups are zeroed at random, so that runs of all lengths and places come up.
            let mask = (0..<8).map { _ in random.below(2) == 0 ? UInt16(0) : UInt16(truncatingIfNeeded: random.next()) }
            let bytes = mask.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            let address = try #require(IPAddress(bytes: bytes))
            #expect(IPAddress(address.description) == address, "\(bytes)")
            #expect(IPAddress(address.bracketed.filter { $0 != "[" && $0 != "]" }) == address)
            #expect(IPAddress(bytes: address.bytes) == address)
            #expect(!address.description.contains(":::"))
        }
    }

    @Test("a mapped address is the IPv4 address it stands for")
    func mapped() throws {
        let mapped = try #require(IPAddress("::ffff:127.0.0.1"))
        #expect(mapped == IPAddress(ipv4: 0x7F00_0001))
        #expect(mapped.family == .ipv4)
        #expect(mapped.bytes == [127, 0, 0, 1])
        #expect(IPAddress(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1]) == mapped)
        #expect(IPAddress(bytes: [127, 0, 0]) == nil)
    }

    @Test(
        "loopback is 127.0.0.0/8 and ::1",
        arguments: [
            ("127.0.0.1", true), ("127.255.255.255", true), ("::1", true), ("::ffff:127.9.9.9", true),
            ("128.0.0.1", false),
            ("126.255.255.255", false), ("0.0.0.0", false), ("::", false), ("::2", false), ("1::1", false),
            ("::127.0.0.1", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == isLoopback)
    }

    @Test(
        "unspecified is 0.0.0.0 and ::, in each spelling",
        arguments: [
            ("0.0.0.0", true), ("::", true), ("::ffff:0:0", true), ("0.0.0.1", false), ("::1", false), ("1::", false),
        ])
    func unspecified(text: String, isUnspecified: Bool) throws {
        #expect(try #require(IPAddress(text)).isUnspecified == isUnspecified)
    }
}
