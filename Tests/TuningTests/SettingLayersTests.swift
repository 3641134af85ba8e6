import ProxyTypes
import Testing
import Tuning

@Suite struct SettingLayersTests {
    private let origin = Origin(scheme: .http, host: "a.example.com", port: 80)
    private let file = SettingSource.file(path: "c.yaml", line: 1)

    @Test("without layers everything is the default")
    func defaults() {
        #expect(SettingLayers().effective(for: origin) == EffectiveSettings())
        #expect(SettingLayers().source(of: .maxQueue, for: origin) == .standard)
    }

    @Test("trial over override over host pattern over file over learned over default, in whatever order they were set")
    func order() throws {
        let pattern = try HostPattern(parsing: "*.example.com")
        let steps: [(SettingSource, HostPattern?, Int)] = [
            (.learned, pattern, 1), (file, nil, 2), (.file(path: "c.yaml", line: 9), pattern, 3),
            (.override, HostPattern(origin), 4), (.trial, pattern, 5),
        ]
        for seed in UInt64(1)...10 {
            var random = SeededRandom(seed: seed)
            for count in 1...steps.count {
                var layers = SettingLayers()
                for (source, pattern, value) in steps.prefix(count).shuffled(using: &random) {
                    layers.set(.maxQueue, to: SettingEntry(.count(value), source: source), for: pattern)
                }
                #expect(layers.effective(for: origin).maxQueue == count)
                #expect(layers.source(of: .maxQueue, for: origin) == steps[count - 1].0)
            }
        }
    }

    @Test("a lower layer's closer pattern does not win over a higher layer")
    func layerBeforeSpecificity() throws {
        var layers = SettingLayers()
        layers.set(.maxQueue, to: SettingEntry(.count(1), source: .learned), for: HostPattern(origin))
        layers.set(.maxQueue, to: SettingEntry(.count(2), source: file))
        #expect(layers.effective(for: origin).maxQueue == 2)
    }

    @Test("the closest pattern wins, for each setting by itself")
    func closest() throws {
        for seed in UInt64(1)...10 {
            var random = SeededRandom(seed: seed)
            var layers = SettingLayers()
            let patterns = ["*", "*.com", "*.example.com", "a.example.com", "a.example.com:80", "http://a.example.com"]
            for (index, text) in patterns.enumerated().shuffled(using: &random) {
                let pattern = try HostPattern(parsing: text)
                layers.set(.maxQueue, to: SettingEntry(.count(index), source: file), for: pattern)
            }
            layers.set(.maxTunnels, to: SettingEntry(.count(7), source: file), for: try HostPattern(parsing: "*.com"))
            #expect(layers.effective(for: origin).maxQueue == 5)
            #expect(layers.effective(for: origin).maxTunnels == 7)
            #expect(layers.effective(for: Origin(scheme: .http, host: "a.example.com", port: 81)).maxQueue == 3)
            #expect(layers.effective(for: Origin(scheme: .http, host: "b.example.com", port: 80)).maxQueue == 2)
            #expect(layers.effective(for: Origin(scheme: .http, host: "b.org", port: 80)).maxQueue == 0)
            #expect(layers.effective(for: nil).maxQueue == 256)
        }
    }

    @Test("the auto of any layer leaves an idle limit to what was learned; a fixed value of a higher layer wins")
    func autoDefersToLearned() throws {
        let sources = [file, .file(path: "c.yaml", line: 9), .override, .trial]
        for (index, source) in sources.enumerated() {
            let pattern = index == 0 ? nil : try HostPattern(parsing: "*.example.com")
            var layers = SettingLayers()
            layers.set(.idleTimeout, to: SettingEntry(.duration(.seconds(50)), source: file))
            layers.set(.idleTimeout, to: SettingEntry(.unset, source: source), for: pattern)
            #expect(layers.effective(for: origin).idleTimeout == .auto)
            #expect(layers.source(of: .idleTimeout, for: origin) == source)
            let learned = SettingEntry(.duration(.seconds(20)), source: .learned)
            layers.set(.idleTimeout, to: learned, for: HostPattern(origin))
            #expect(layers.effective(for: origin).idleTimeout == .fixed(.seconds(20)))
            #expect(layers.entry(of: .idleTimeout, for: origin) == learned)
            #expect(layers.effective(for: nil).idleTimeout == (index == 0 ? .auto : .fixed(.seconds(50))))
            layers.set(.idleTimeout, to: SettingEntry(.duration(.seconds(9)), source: source), for: pattern)
            #expect(layers.effective(for: origin).idleTimeout == .fixed(.seconds(9)))
            #expect(layers.source(of: .idleTimeout, for: origin) == source)
        }
    }

    @Test("an auto that means something of its own hides what was learned")
    func ownAuto() {
        var layers = SettingLayers()
        layers.set(.maxIdle, to: SettingEntry(.count(3), source: .learned), for: HostPattern(origin))
        layers.set(.maxIdle, to: SettingEntry(.unset, source: file))
        #expect(layers.effective(for: origin).maxIdle == 32)
    }

    @Test("setting again replaces, removing uncovers what lies below")
    func replaceAndRemove() {
        var layers = SettingLayers()
        layers.set(.maxQueue, to: SettingEntry(.count(1), source: file))
        layers.set(.maxQueue, to: SettingEntry(.count(2), source: .override), for: HostPattern(origin))
        layers.set(.maxQueue, to: SettingEntry(.count(3), source: .override), for: HostPattern(origin))
        #expect(layers.effective(for: origin).maxQueue == 3)
        layers.remove(.maxQueue, from: .override, for: HostPattern(origin))
        #expect(layers.effective(for: origin).maxQueue == 1)
        layers.remove(.maxQueue, from: .file)
        layers.remove(.maxQueue, from: .trial)
        #expect(layers == SettingLayers())
    }

    @Test("a value keeps who set it, when, why, and over what")
    func entry() {
        var layers = SettingLayers()
        let entry = SettingEntry(
            .count(3), source: .trial, actor: "uid 1000", reason: "load test", time: 1_700_000_000_000,
            base: .count(256))
        layers.set(.maxQueue, to: entry, for: HostPattern(origin))
        #expect(layers.entry(of: .maxQueue, for: origin) == entry)
        #expect(layers.entry(of: .maxQueue, for: nil) == SettingEntry(.count(256), source: .standard))
    }

    @Test("every setting reaches its own place, and no other", arguments: Setting.allCases)
    func everySetting(setting: Setting) throws {
        let value = try #require(Self.others[setting])
        #expect(value != setting.defaultValue)
        var layers = SettingLayers()
        layers.set(setting, to: SettingEntry(value, source: file))
        // Neither has an effect without the other.
        let pair: [Setting] = [.tlsClientCert, .tlsClientKey]
        if pair.contains(setting) {
            for other in pair {
                layers.set(other, to: SettingEntry(try #require(Self.others[other]), source: file))
            }
        }
        let changed = zip(
            Mirror(reflecting: layers.effective(for: origin)).children, Mirror(reflecting: EffectiveSettings()).children
        ).filter { "\($0.value)" != "\($1.value)" }.compactMap(\.0.label)
        // As many may lie idle, by default, as there may be.
        let also = pair.contains(setting) ? pair : setting == .maxConnections ? [.maxConnections, .maxIdle] : [setting]
        #expect(changed == also.map(\.effectiveLabel))
    }

    @Test("values that contradict one another across layers are bounded")
    func bounded() throws {
        var layers = SettingLayers()
        layers.set(.minIdle, to: SettingEntry(.count(20), source: file))
        layers.set(.maxIdle, to: SettingEntry(.count(30), source: file))
        layers.set(.dnsMinTTL, to: SettingEntry(.duration(.hours(1)), source: file))
        layers.set(.maxConnections, to: SettingEntry(.count(8), source: .learned), for: HostPattern(origin))
        let settings = layers.effective(for: origin)
        #expect(settings.maxConnections == 8 && settings.maxIdle == 8 && settings.minIdle == 8)
        #expect(settings.dnsMaxTTL == .hours(1))
    }

    @Test("as many idle connections as connections, unless said otherwise")
    func maxIdle() {
        var layers = SettingLayers()
        layers.set(.maxConnections, to: SettingEntry(.count(8), source: file))
        #expect(layers.effective(for: origin).maxIdle == 8)
        layers.set(.maxIdle, to: SettingEntry(.count(0), source: file))
        #expect(layers.effective(for: origin).maxIdle == 0)
    }

    /// For each setting a value that is not the default.
    private static let others: [Setting: SettingValue] = {
        let keepalive = TCPKeepalive(idle: .seconds(60), interval: .seconds(10), count: 6)
        var values: [Setting: SettingValue] = [
            .idleTimeout: .duration(.seconds(9)), .reuseOrder: .word("widest"), .pipelining: .word("idempotent"),
            .tcpKeepalive: keepalive.map { .keepalive($0) } ?? .unset, .congestionControl: .word("bbr"),
            .sourceAddress: .addresses([IPAddress(ipv4: 1)]), .ipFamily: .word("ipv6"), .tls: .word("originate"),
            .tlsVerify: .word("none"), .tlsCaFile: .word("/a"), .tlsClientCert: .word("/b"), .tlsClientKey: .word("/c"),
            .tlsServerName: .word("a"), .tlsMinVersion: .word("1.3"),
            .tlsPin: PublicKeyPin(bytes: Array(repeating: 1, count: 32)).map { .pins([$0]) } ?? .unset,
            .addressOrder: .word("resolver"), .resolver: .word("system"), .maxIdle: .count(31),
            .interceptExcept: .clients([.program("a")]), .advice: .word("auto"),
        ]
        for setting in Setting.allCases where values[setting] == nil {
            switch setting.defaultValue {
            case .count(let number): values[setting] = .count(number + 1)
            case .percent(let number): values[setting] = .percent(number + 1)
            case .duration(let interval): values[setting] = .duration(interval + .seconds(1))
            case .size(let size): values[setting] = .size(size + 1)
            case .flag(let flag): values[setting] = .flag(!flag)
            default: break
            }
        }
        return values
    }()
}
