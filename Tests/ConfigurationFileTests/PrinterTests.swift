import ConfigurationFile
import Foundation
import ProxyTypes
import Testing
import Tuning

@Suite struct PrinterTests {
    @Test("what is printed reads back as the same configuration", arguments: ["", LoaderTests.full, Self.odd])
    func roundTrip(text: String) throws {
        let loaded = try ConfigurationLoader.load(text: text, file: "connd.yaml")
        let printed = ConfigurationPrinter.print(loaded)
        let again = try ConfigurationLoader.load(text: printed, file: "printed")
        #expect(again.configuration == loaded.configuration)
        let origins = ["a.example.com", "10.1.2.3", "other"].flatMap {
            [Origin(scheme: .http, host: $0, port: 80), Origin(scheme: .http, host: $0, port: 8080)]
        }
        for origin in origins {
            #expect(again.layers.effective(for: origin) == loaded.layers.effective(for: origin))
        }
    }

    @Test("random configurations read back as they were printed", arguments: UInt64(1)...40)
    func randomRoundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var loaded = LoadedConfiguration()
        for setting in Setting.allCases where setting.definition.availability == .now {
            loaded.configuration.settings[setting] = RandomValue.of(setting.definition.kind, &random)
        }
        // Neither is taken without the other.
        if loaded.configuration.settings[.tlsClientKey] == .unset {
            loaded.configuration.settings[.tlsClientCert] = .unset
        } else if loaded.configuration.settings[.tlsClientCert] == .unset {
            loaded.configuration.settings[.tlsClientKey] = .unset
        }
        // These bound one another.
        for setting in [Setting.maxConnections, .maxIdle, .minIdle, .dnsMinTTL, .dnsMaxTTL] {
            loaded.configuration.settings[setting] = setting.defaultValue
        }
        loaded.configuration.proxy.maxBuffer = 4096 + random.below(1 << 20)
        loaded.configuration.proxy.clientHeadTimeout = .milliseconds(10 + Int64(random.below(100_000)))
        let printed = ConfigurationPrinter.print(loaded)
        #expect(
            try ConfigurationLoader.load(text: printed, file: "f").configuration == loaded.configuration, "\(printed)")
    }

    @Test("each line says where its value comes from")
    func sources() throws {
        let printed = ConfigurationPrinter.print(try ConfigurationLoader.load(text: LoaderTests.full, file: "c.yaml"))
        let lines = printed.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines.contains("listen: [\"10.0.0.1:8080\", \"unix:/run/connd/proxy.sock\"] # c.yaml:2"))
        #expect(lines.contains("connect_ports: any # c.yaml:4"))
        #expect(lines.contains("threads: 1 # c.yaml:15"))
        #expect(lines.contains("database: /var/lib/connd/connd.db # c.yaml:21"))
        #expect(lines.contains("max_queue: 256 # default"))
        #expect(lines.contains("source_address: [\"10.0.0.5\"] # c.yaml:28"))
        #expect(lines.contains("\"*.example.com\":"))
        #expect(lines.contains("max_connections: 4 # c.yaml:30"))
        #expect(lines.contains("dns_max_ttl: 5m # default"))
    }

    @Test("every setting and key is printed")
    func complete() {
        let printed = ConfigurationPrinter.print(LoadedConfiguration())
        for setting in Setting.allCases { #expect(printed.contains(" \(setting.name): "), "\(setting.name)") }
    }

    @Test("the sample file is all defaults and names every setting")
    func sample() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy/connd.yaml").path
        let loaded = try ConfigurationLoader.load(path: path)
        #expect(loaded.configuration == Configuration())
        #expect(loaded.layers.effective(for: nil) == EffectiveSettings())
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for setting in Setting.allCases { #expect(text.contains(" \(setting.name): "), "\(setting.name)") }
        let printed = ConfigurationPrinter.print(loaded)
        let notGiven = printed.split(separator: "\n").filter { $0.hasSuffix("# default") }
        #expect(notGiven.isEmpty, "missing in the sample: \(notGiven)")
    }

    @Test("a source's name cannot break out of its comment")
    func hostileName() throws {
        let loaded = try ConfigurationLoader.load(text: "log: { level: debug }", file: "a\ndatabase: /x\r\n#")
        let again = try ConfigurationLoader.load(text: ConfigurationPrinter.print(loaded), file: "f")
        #expect(again.configuration == loaded.configuration)
    }

    static let odd = #"""
        proxy:
          listen: ["unix:/run/a b\"c\\d: #e\u0007\u2028ü"]
          connect_ports: []
          deny: ["::1", "fd00::/8", "[::1]:80", "*:25", "http://[fd00::1]:8080"]
        admin: { listen: ["unix:/x"], token_file: "/it's: # {a} token" }
        database: ":memory:"
        access_log: { path: "/tmp/%h \t.log" }
        settings:
          { tcp_keepalive: 1h/15m/5, source_address: ["10.0.0.1", "fd00::1"], lifetime_jitter: 7 }
        hosts:
          "::1": {}
          "*": { max_idle: auto, max_connections: 3 }
          "[fd00::1]:80": { congestion_control: bbr, source_address: [] }
        """#
}

enum RandomValue {
    static func of(_ kind: SettingKind, _ random: inout SeededRandom) -> SettingValue {
        if kind.unsetWord != nil, random.below(3) == 0 { return .unset }
        switch kind {
        case .count(let range, _), .countOrUnset(let range, _): return .count(number(range, &random))
        case .percent(let range): return .percent(number(range, &random))
        case .size(let range, _): return .size(number(range, &random) & ~(random.below(2) == 0 ? 0 : 1023))
        case .duration(let range, _), .durationOrUnset(let range, _):
            let milliseconds = Int(range.lowerBound.wholeMilliseconds)...Int(range.upperBound.wholeMilliseconds)
            return .duration(.milliseconds(Int64(number(milliseconds, &random))))
        case .flag: return .flag(random.below(2) == 0)
        case .choice(let words): return .word(words[random.below(words.count)])
        case .keepalive:
            let keepalive = TCPKeepalive(
                idle: .seconds(Int64(1 + random.below(32767))), interval: .seconds(Int64(1 + random.below(32767))),
                count: 1 + random.below(127))
            return keepalive.map { .keepalive($0) } ?? .unset
        case .addresses:
            let addresses = (0...random.below(3)).map { _ in IPAddress(high: random.next(), low: random.next()) }
            return .addresses(addresses)
        case .name: return .word(["bbr", "cubic", "reno", "x_1-y"][random.below(4)])
        case .path: return .word(["/a", "/a b", "/ä#: "][random.below(3)])
        case .host: return .word(["a.example", "10.0.0.1", "[fd00::1]"][random.below(3)])
        case .pins:
            let pins = (0...random.below(3)).compactMap { _ in
                PublicKeyPin(bytes: (0..<PublicKeyPin.byteCount).map { _ in UInt8(random.below(256)) })
            }
            return .pins(pins)
        case .clients:
            let range = AddressRange(
                IPAddress(high: random.next(), low: random.next()), prefixLength: random.below(129))
            let all = [.range(range), .program("a b: #"), .user("build"), .userNumber(7)] as [ClientPattern]
            return .clients(all.filter { _ in random.below(2) == 0 } + [.program("last")])
        }
    }

    private static func number(_ range: ClosedRange<Int>, _ random: inout SeededRandom) -> Int {
        range.lowerBound + random.below(range.count)
    }
}
