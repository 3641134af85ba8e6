import ProxyTypes
import Testing
import Tuning

@Suite struct HostPatternTests {
    @Test(
        "a pattern matches the origins it names and no others",
        arguments: [
            ("*", ["http://a", "https://b.c:1", "http://[::1]"], []),
            ("*:8080", ["http://a:8080", "https://a:8080"], ["http://a"]),
            (
                "example.com", ["http://example.com", "https://example.com", "http://example.com:81"],
                [
                    "http://a.example.com", "http://xexample.com", "http://example.co", "http://example.com.x",
                ]
            ),
            ("EXAMPLE.com.", ["http://example.com"], ["http://example.org"]),
            (
                "*.example.com", ["http://a.example.com", "https://a.b.example.com:9"],
                ["http://example.com", "http://xexample.com"]
            ),
            ("*.example.com:443", ["https://a.example.com"], ["http://a.example.com"]),
            ("example.com:80", ["http://example.com", "https://example.com:80"], ["https://example.com"]),
            (
                "http://example.com", ["http://example.com"],
                ["https://example.com", "http://example.com:81", "https://example.com:80"]
            ),
            (
                "https://example.com:8443", ["https://example.com:8443"],
                ["http://example.com:8443", "https://example.com"]
            ),
            ("10.1.2.3", ["http://10.1.2.3", "http://[::ffff:10.1.2.3]"], ["http://10.1.2.30"]),
            ("http://10.1.2.3:8080", ["http://10.1.2.3:8080"], ["http://10.1.2.3"]),
            ("::1", ["http://[::1]", "http://[0:0:0::1]:8"], ["http://1"]),
            ("[::1]", ["http://[::1]"], ["http://[::2]"]),
            ("[::1]:8080", ["http://[::1]:8080"], ["http://[::1]"]),
            ("http://[::1]", ["http://[::1]"], ["http://[::1]:81"]),
            ("localhost", ["http://localhost"], ["http://a.localhost"]), ("a_b-c.x1", ["http://a_b-c.x1"], []),
        ] as [(String, [String], [String])])
    func matches(text: String, matching: [String], others: [String]) throws {
        let pattern = try HostPattern(parsing: text)
        for origin in matching { #expect(pattern.matches(try Self.origin(origin)), "\(origin)") }
        for origin in others { #expect(!pattern.matches(try Self.origin(origin)), "\(origin)") }
        #expect(try HostPattern(parsing: pattern.description) == pattern)
    }

    @Test(
        "what is no pattern is refused",
        arguments: [
            "", "*.", "*a.com", "a.*", "a.*.com", "*.*.com", "**", "*.10.0.0.1", "ftp://a", "http://", "http://*",
            "https://*.a.com",
            "http://a/", "http://u@a", "a:", "a:0", "a:65536", "a:08", "a:b", "a:1:2", "[::1", "::1]", "[10.0.0.1]",
            "[::1]x", "[a]", "a..b",
            ".a", "a.com..", "10.0.0.256", "10.0.0", "1", "0x7f.1", "a.0x1", "017700000001", "10.0.0.01", "1.2.3.4.5",
            "fe80::1%eth0", "[::1%25lo]", "a%2eb", "a b", "a/8", "bücher.example", "10.0.0.0/8",
            "http://http://a", "://a",
        ])
    func refused(text: String) {
        #expect(throws: ValueProblem.self) { try HostPattern(parsing: text) }
    }

    @Test("specificity: origin, host with port, host, the longest suffix, anything")
    func specificity() throws {
        let ordered = try [
            "*", "*:80", "*.com", "*.com:80", "*.example.com", "*.a.example.com", "*.a.example.com:80",
            "b.a.example.com",
            "b.a.example.com:80", "http://b.a.example.com",
        ].map { try HostPattern(parsing: $0) }
        let origin = Origin(scheme: .http, host: "b.a.example.com", port: 80)
        for (index, pattern) in ordered.enumerated() {
            #expect(pattern.matches(origin))
            for other in ordered[(index + 1)...] {
                #expect(pattern.specificity < other.specificity, "\(pattern) \(other)")
            }
        }
    }

    @Test("an origin's own pattern matches it alone")
    func ofOrigin() throws {
        for text in ["http://example.com", "https://[::1]:8443", "http://10.0.0.1"] {
            let origin = try Self.origin(text)
            let pattern = HostPattern(origin)
            #expect(pattern.matches(origin))
            #expect(!pattern.matches(Origin(scheme: origin.scheme, host: origin.host, port: origin.port + 1)))
            #expect(try HostPattern(parsing: pattern.description) == pattern)
        }
    }

    @Test(
        "each spelling is the pattern of the one form",
        arguments: [
            ("[0:0:0:0:0:0:0:1]", "::1"), ("0000::0001", "::1"), ("[::0:1]:8080", "[::1]:8080"),
            ("http://[0::1]", "http://[::1]"), ("::FFFF:10.1.2.3", "10.1.2.3"), ("[::ffff:a01:203]:80", "10.1.2.3:80"),
            ("10.1.2.3.", "10.1.2.3"), ("Example.COM.", "example.com"), ("*.Example.COM.", "*.example.com"),
            ("HTTP://Example.com:80", "http://example.com"), ("XN--Bcher-Kva.example", "xn--bcher-kva.example"),
            ("a_b.c", "a_b.c"), ("-a.com", "-a.com"),
        ])
    func spellings(text: String, form: String) throws {
        #expect(try HostPattern(parsing: text).description == form)
        #expect(try HostPattern(parsing: text) == HostPattern(parsing: form))
    }

    @Test(
        "a refusal says what to write instead",
        arguments: [
            ("b\u{FC}cher.example", "xn--bcher-kva.example"),
            ("http://b\u{FC}cher.example:80", "xn--bcher-kva.example"),
            ("\u{212A}.com", "A-labels"), ("127.1", "four decimal numbers"), ("0x7f.1:80", "four decimal numbers"),
            ("http://2130706433", "four decimal numbers"), ("[fe80::1%25eth0]", "without a zone"),
            ("a%2eb", "without percent-encoding"),
        ])
    func advice(text: String, advice: String) throws {
        let problem = #expect(throws: ValueProblem.self) { try HostPattern(parsing: text) }
        #expect(problem?.description.contains(advice) == true, "\(String(describing: problem))")
        let other = #expect(throws: ValueProblem.self) { try DestinationPattern(parsing: text) }
        #expect(other?.description.contains(advice) == true, "\(String(describing: other))")
    }

    static func origin(_ text: String) throws -> Origin {
        let parts = text.split(separator: "://", maxSplits: 1)
        let scheme: Origin.Scheme = parts[0] == "http" ? .http : .https
        var host = String(parts[1])
        var port = scheme.defaultPort
        if let colon = host.lastIndex(of: ":"), host.last != "]" {
            port = try #require(UInt16(host[host.index(after: colon)...]))
            host = String(host[..<colon])
        }
        return Origin(scheme: scheme, host: host, port: port)
    }
}

@Suite struct DestinationPatternTests {
    @Test(
        "names are matched by name, addresses by address, however they were reached",
        arguments: [
            ("*.example.com", "a.example.com", nil, true), ("*.example.com", "a.example.org", "10.0.0.1", false),
            ("10.0.0.0/8", "10.1.2.3", nil, true), ("10.0.0.0/8", "a.example", "10.1.2.3", true),
            ("10.0.0.0/8", "a.example", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "[::ffff:10.1.2.3]", nil, true),
            ("10.0.0.0/8", "a.example", "11.1.2.3", false), ("::1", "a.example", "::1", true),
            ("::1", "[0::1]", nil, true),
            ("10.1.2.3:80", "a.example", "10.1.2.3", true), ("10.1.2.3:81", "a.example", "10.1.2.3", false),
            ("http://10.1.2.3", "a.example", "10.1.2.3", true), ("*", "a", nil, true), ("*:81", "a", "10.0.0.1", false),
        ] as [(String, String, String?, Bool)])
    func matches(text: String, host: String, address: String?, expected: Bool) throws {
        let pattern = try DestinationPattern(parsing: text)
        let byName = pattern.matches(Origin(scheme: .http, host: host, port: 80))
        let byAddress = try address.map { pattern.matches(try #require(IPAddress($0)), port: 80) } ?? false
        #expect((byName || byAddress) == expected)
        #expect(try DestinationPattern(parsing: pattern.description) == pattern)
    }

    @Test("what is neither is refused, and a range with bits too many is explained")
    func refused() {
        for text in ["", "10.0.0.0/33", "a/8", "http://a/", "*.*", "127.1/8", "127.1", "0", "0x7f.0.0.1", "::1%lo/128"]
        {
            #expect(throws: ValueProblem.self) { try DestinationPattern(parsing: text) }
        }
        #expect(throws: ValueProblem(allowed: "10.0.0.0/8 or one address", given: "`10.0.0.1/8`")) {
            try DestinationPattern(parsing: "10.0.0.1/8")
        }
    }
}
