import ProxyTypes
import Testing

@Suite struct OriginHostTests {
    @Test(
        "the spellings of a host are one host",
        arguments: [
            ("[::1]", ["[::1]", "[0:0:0:0:0:0:0:1]", "[::0:1]", "[0000::0001]", "[0:0::1]", "[::0.0.0.1]"]),
            ("[2001:db8::a]", ["[2001:DB8::A]", "[2001:0db8:0:0:0:0:0:a]", "[2001:db8::0.0.0.10]"]),
            (
                "127.0.0.1",
                [
                    "127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
                    "[::ffff:7F00:0001]",
                ]
            ),
            ("0.0.0.0", ["0.0.0.0", "0.0.0.0.", "[::ffff:0:0]", "[::ffff:0.0.0.0]"]),
            ("[::]", ["[::]", "[0:0:0:0:0:0:0:0]", "[0::0]", "[::0.0.0.0]"]),
            // IPv4-compatible, NAT64 and 6to4 addresses are other places than the IPv4 addresses in them.
            ("[::7f00:1]", ["[::127.0.0.1]", "[::7F00:1]"]),
            ("[64:ff9b::7f00:1]", ["[64:ff9b::127.0.0.1]", "[64:FF9B::7f00:1]"]),
            ("example.com", ["example.com", "EXAMPLE.com", "example.com.", "Example.Com."]),
            ("xn--bcher-kva.example", ["xn--bcher-kva.example", "XN--BCHER-KVA.Example"]),
            ("a_b.c-d.x1", ["a_b.c-d.x1", "A_B.C-D.X1"]), ("-a-.com", ["-a-.com"]), ("a~b", ["a~b"]),
            ("localhost", ["localhost", "LocalHost."]), ("1.a", ["1.a", "1.A."]), ("1e3", ["1e3", "1E3"]),
            ("0x7f.a", ["0x7f.a", "0X7F.a"]), ("0xg", ["0xg"]),
        ])
    func spellings(form: String, spellings: [String]) throws {
        for text in spellings {
            let host = try OriginHost(parsing: text)
            #expect(host.description == form, "\(text)")
            #expect(try host == OriginHost(parsing: form), "\(text)")
            for port: UInt16 in [80, 8080] {
                let origin = Origin(scheme: .http, host: host, port: port)
                #expect(origin == Origin(scheme: .http, host: text, port: port), "\(text)")
                #expect(origin.address == host.address)
            }
        }
    }

    static let refusals: [(OriginHost.Problem, [String])] = [
        (.empty, [""]),
        (
            .badCharacter,
            [
                "a b", "a/b", "a\\b", "a:80", "::1", "a,b", "a!b", "a;b", "a@b", "a\u{0}", "a\tb", "*", "*.a", "a'b",
                "a+b",
                "(a)", "a=b", "a&b", "a$b", "<a>", "a]", " a", "a?", "a#", "+127.0.0.1", " 127.0.0.1", "127.0.0.1 ",
            ]
        ),
        (
            .beyondASCII,
            [
                "b\u{FC}cher.example", "\u{212A}.com", "example\u{3002}com", "\u{FF11}27.0.0.1", "\u{0967}.2.3.4",
                "a\u{AD}b",
                "\u{130}.com",
            ]
        ),
        (
            .percentEncoded,
            ["a%2eb", "%61.com", "a%00", "a%2fb", "%31%32%37.0.0.1", "127.0.0.1%lo", "b%c3%bccher", "a%"]
        ),
        (.zone, ["[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]", "[::1%]", "[::ffff:127.0.0.1%25lo]"]),
        (
            .badIPv6,
            [
                "[]", "[::1", "[::1]x", "[::1]]", "[[::1]]", "[127.0.0.1]", "[1:2]", "[:::]", "[1::2::3]", "[::12345]",
                "[::1.2.3]", "[::1.2.3.04]", "[::1.2.3.256]", "[v1.x]", "[::g]", "[::1].", "[a]", "[",
            ]
        ),
        // What getaddrinfo takes for an address, and what only looks like one.
        (
            .notFourNumbers,
            [
                "0", "00", "1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0X7F.0.0.1",
                "0x7f.0x0.0x0.0x1", "0177.0.0.1", "127.0.0.01", "010.0.0.1", "127.0.0.1.1", "256.0.0.1", "127.0.0.256",
                "08.1.1.1", "1.2.3.08", "0x", "1.0x", "0x.1", "a.1", "a.b.0x1f", "4294967296", "0x100000000", "127.1.",
                "0.", "1.2.3.4.5", "a.09",
            ]
        ),
        (.emptyLabel, [".", "..", "a..", "a..b", ".a", "example.com..", "127.0.0.1..", "127..1"]),
        (.longLabel, [String(repeating: "a", count: 64) + ".com"]),
        (.tooLong, [String(repeating: "abcdefg.", count: 32) + "com"]),
    ]

    @Test("what is ambiguous is refused", arguments: refusals)
    func refused(problem: OriginHost.Problem, texts: [String]) {
        for text in texts { #expect(throws: problem, "\(text)") { try OriginHost(parsing: text) } }
    }

    @Test("labels of 63 bytes and names of 253 are hosts, also with the root's dot")
    func lengths() throws {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(longest.utf8.count == OriginHost.maxBytes)
        #expect(try OriginHost(parsing: longest + ".").description == longest)
        #expect(throws: OriginHost.Problem.tooLong) { try OriginHost(parsing: longest + "b") }
    }

    @Test("each problem has its own words")
    func words() {
        #expect(Set(OriginHost.Problem.allCases.map(\.description)).count == OriginHost.Problem.allCases.count)
        #expect(Set(Self.refusals.map(\.0)) == Set(OriginHost.Problem.allCases))
    }

    @Test("the one form of the one form is itself, whatever the text", arguments: UInt64(1)...4)
    func idempotent(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let parts = [
            "0", "1", "127", "0x", "a", "F", "::", ":", ".", "-", "_", "[", "]", "ffff", "256", "01", "x", "Z",
        ]
        var found = 0
        for _ in 0..<20_000 {
            var text = (0...random.below(8)).map { _ in parts[random.below(parts.count)] }.joined()
            if random.below(2) == 0 { text = "[\(text)]" }
            guard let host = try? OriginHost(parsing: text) else { continue }
            found += 1
            #expect(try OriginHost(parsing: host.description) == host, "\(text)")
            if let address = host.address {
                #expect(OriginHost(address) == host, "\(text)")
            } else {
                #expect(IPAddress(host.description) == nil, "\(text)")
            }
        }
        #expect(found > 1000)
    }
}
