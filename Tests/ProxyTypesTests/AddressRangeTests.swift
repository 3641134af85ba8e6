import ProxyTypes
import Testing

@Suite struct AddressRangeTests {
    @Test(
        "a range holds its first and last address and none beside them",
        arguments: [
            (
                "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"],
                ["9.255.255.255", "11.0.0.0", "::a00:0"]
            ),
            ("192.168.4.0/22", ["192.168.4.0", "192.168.7.255"], ["192.168.3.255", "192.168.8.0"]),
            ("10.1.2.3/32", ["10.1.2.3"], ["10.1.2.2", "10.1.2.4"]),
            ("10.1.2.3", ["10.1.2.3"], ["10.1.2.2", "10.1.2.4"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "::"]), ("::/0", ["::", "ffff::"], ["10.0.0.1"]),
            ("fd00::/8", ["fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["fc00::", "fe00::"]),
            (
                "2001:db8::/64", ["2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"],
                ["2001:db8:0:1::", "2001:db7:ffff:ffff::"]
            ),
            ("2001:db8::/65", ["2001:db8::7fff:ffff:ffff:ffff"], ["2001:db8::8000:0:0:0"]),
            ("2001:db8::/63", ["2001:db8:0:1:ffff::"], ["2001:db8:0:2::"]), ("::1/128", ["::1"], ["::", "::2"]),
            ("::1", ["::1"], ["::"]),
            ("::ffff:10.0.0.0/104", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0"]),
            ("::ffff:0:0/96", ["1.2.3.4"], ["::1"]),
        ])
    func contains(text: String, inside: [String], outside: [String]) throws {
        let range = try AddressRange(parsing: text)
        for address in inside { #expect(range.contains(try #require(IPAddress(address))), "\(address)") }
        for address in outside { #expect(!range.contains(try #require(IPAddress(address))), "\(address)") }
        #expect(try AddressRange(parsing: range.description) == range)
    }

    @Test("what is no address is refused", arguments: ["", "/8", "example.com", "10.0/8", "10.0.0.0.0/8", "*"])
    func notAnAddress(text: String) {
        #expect(throws: AddressRange.Problem.notAnAddress) { try AddressRange(parsing: text) }
    }

    @Test(
        "a prefix that the family does not have is refused",
        arguments: [
            "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/+8",
            "10.0.0.0/255.0.0.0",
            "::/129", "::/1000", "::ffff:0.0.0.0/95",
        ])
    func prefix(text: String) {
        #expect(throws: AddressRange.Problem.prefixLength) { try AddressRange(parsing: text) }
    }

    @Test("bits behind the prefix are refused, and the range is told that was meant")
    func bitsBehind() throws {
        for (text, meant) in [("10.1.0.0/8", "10.0.0.0/8"), ("fd00::1/8", "fd00::/8"), ("1.2.3.4/0", "0.0.0.0/0")] {
            let range = try AddressRange(parsing: meant)
            #expect(throws: AddressRange.Problem.bitsBehindPrefix(range)) { try AddressRange(parsing: text) }
        }
    }
}
