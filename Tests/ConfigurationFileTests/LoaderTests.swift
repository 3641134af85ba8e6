import ConfigurationFile
import Glibc
import ProxyTypes
import Testing
import Tuning

@Suite struct LoaderTests {
    @Test(
        "a file without content is all defaults", arguments: ["", "\n", "# nothing\n", "---\n", "{}", "\u{FEFF}", "~"])
    func empty(text: String) throws {
        #expect(try ConfigurationLoader.load(text: text, file: "f") == LoadedConfiguration())
    }

    @Test("a section whose keys are all commented out is all defaults")
    func emptySections() throws {
        let text = "proxy:\n  # threads: 1\nsettings:\nhosts:\nlog:\nadmin:\naccess_log:\n"
        #expect(try ConfigurationLoader.load(text: text, file: "f").configuration == Configuration())
    }

    @Test("each key is read into its place")
    func everyKey() throws {
        let loaded = try ConfigurationLoader.load(text: Self.full, file: "connd.yaml")
        var expected = Configuration()
        expected.proxy.listen = [
            .tcp(try #require(IPAddress("10.0.0.1")), port: 8080), .unix(path: "/run/connd/proxy.sock"),
        ]
        expected.proxy.allowFrom = [try AddressRange(parsing: "10.0.0.0/8"), try AddressRange(parsing: "fd00::/8")]
        expected.proxy.connectPorts = .any
        expected.proxy.allow = [.host(try HostPattern(parsing: "*.example.com"))]
        expected.proxy.deny = [
            .range(try AddressRange(parsing: "169.254.0.0/16")), .host(try HostPattern(parsing: "secret.example.com")),
        ]
        expected.proxy.maxClientConnections = 11
        expected.proxy.maxUpstreamConnections = 12
        expected.proxy.maxHeadBytes = 13 << 10
        expected.proxy.maxBuffer = 1 << 20
        expected.proxy.clientHeadTimeout = .seconds(14)
        expected.proxy.clientIdleTimeout = .seconds(90)
        expected.proxy.clientBodyTimeout = .seconds(45)
        expected.proxy.shutdownGrace = .zero
        expected.admin.listen = []
        expected.admin.tokenFile = "/etc/connd/admin.token"
        expected.admin.allowHosts = [try AdminHost(parsing: "connd.example.com"), try AdminHost(parsing: "[fd00::1]")]
        expected.admin.socketMode = try SocketMode(parsing: "0600")
        expected.database = "/var/lib/connd/connd.db"
        expected.metrics.maxOrigins = 15
        expected.exchanges.slow = .zero
        expected.log.level = .debug
        expected.log.format = .journald
        expected.accessLog.target = .file(path: "/var/log/connd/access.log")
        expected.accessLog.format = .text
        expected.settings[.maxConnections] = .count(8)
        expected.settings[.sourceAddress] = .addresses([try #require(IPAddress("10.0.0.5"))])
        expected.hosts = [
            .init(pattern: try HostPattern(parsing: "*.example.com"), values: [.maxConnections: .count(4)]),
            .init(
                pattern: try HostPattern(parsing: "http://10.1.2.3:8080"),
                values: [.idleTimeout: .duration(.seconds(30)), .tcpNodelay: .flag(false)]),
        ]
        #expect(loaded.configuration == expected)
    }

    @Test("each value knows the line that gave it")
    func sources() throws {
        let loaded = try ConfigurationLoader.load(text: Self.full, file: "connd.yaml")
        let origin = Origin(scheme: .http, host: "a.example.com", port: 80)
        #expect("\(loaded.source(of: "proxy.listen"))" == "connd.yaml:2")
        #expect("\(loaded.source(of: "database"))" == "connd.yaml:21")
        #expect("\(loaded.source(of: "proxy.threads"))" == "connd.yaml:15")
        #expect("\(loaded.layers.source(of: .maxConnections, for: nil))" == "connd.yaml:27")
        #expect("\(loaded.layers.source(of: .maxConnections, for: origin))" == "connd.yaml:30")
        #expect("\(loaded.layers.source(of: .maxQueue, for: origin))" == "default")
    }

    @Test("a host's settings lie over the global ones, wherever they stand in the file")
    func layers() throws {
        let text = "hosts: { a.example: { max_connections: 3 } }\nsettings: { max_connections: 5, max_queue: 7 }"
        let layers = try ConfigurationLoader.load(text: text, file: "f").layers
        let near = layers.effective(for: Origin(scheme: .http, host: "a.example", port: 80))
        let other = layers.effective(for: Origin(scheme: .http, host: "b.example", port: 80))
        #expect(near.maxConnections == 3 && near.maxQueue == 7)
        #expect(other.maxConnections == 5 && other.maxQueue == 7)
    }

    @Test("switches and numbers may be quoted or not", arguments: ["on", "true", "yes", "'on'", "\"true\""])
    func quoting(text: String) throws {
        let yaml = "settings: { tcp_quickack: \(text), max_queue: '3', idle_timeout: \"auto\" }"
        let settings = try ConfigurationLoader.load(text: yaml, file: "f").configuration.settings
        #expect(settings[.tcpQuickack] == .flag(true))
        #expect(settings[.maxQueue] == .count(3))
    }

    @Test("one source address or a list of them")
    func sourceAddresses() throws {
        for (text, count) in [("10.0.0.1", 1), ("[10.0.0.1, 'fd00::1']", 2), ("'10.0.0.1, 10.0.0.2'", 2), ("[]", 0)] {
            let loaded = try ConfigurationLoader.load(text: "settings: { source_address: \(text) }", file: "f")
            #expect(loaded.layers.effective(for: nil).sourceAddress.count == count, "\(text)")
        }
    }

    @Test("DNS servers with and without a port, and the resolver's files")
    func dns() throws {
        let text = "dns: { servers: [192.0.2.53, '192.0.2.53:5353', '[2001:db8::53]:5353'], hosts: /h }"
        let dns = try ConfigurationLoader.load(text: text, file: "f").configuration.dns
        #expect(dns.servers.map(\.description) == ["192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353"])
        #expect(dns.servers.map(\.endpoint.port) == [53, 5353, 5353])
        #expect(dns.hosts == "/h" && dns.resolvConf == nil)
    }

    @Test("TLS to an origin: a version without quotes is text, and pins are one text or a list")
    func originTLS() throws {
        let pins = ["A", "E"].map { "sha256//" + String(repeating: "A", count: 42) + $0 + "=" }
        for list in ["'\(pins[0]);\(pins[1])'", "['\(pins[0])', \(pins[1])]"] {
            let text = """
                hosts:
                  a.example: { tls: originate, tls_verify: none, tls_server_name: B.example, tls_min_version: 1.3,
                               tls_ca_file: /ca.pem, tls_client_cert: /c.pem, tls_client_key: /k.pem, tls_timeout: 1s,
                               tls_pin: \(list) }
                """
            let loaded = try ConfigurationLoader.load(text: text, file: "f")
            let settings = loaded.layers.effective(for: Origin(scheme: .https, host: "a.example", port: 443))
            #expect(settings.tls == .originate && settings.tlsVerify == .none)
            #expect(settings.tlsServerName == "b.example" && settings.tlsMinVersion == .v1_3)
            #expect(settings.tlsPins.map(\.description) == pins && settings.tlsTimeout == .seconds(1))
            #expect(
                [settings.tlsCaFile, settings.tlsClientCert, settings.tlsClientKey] == ["/ca.pem", "/c.pem", "/k.pem"])
        }
    }

    @Test("interception: clients that are excepted are one text or a list")
    func interception() throws {
        for list in ["'10.1.0.0/16,program:java,user:7'", "[10.1.0.0/16, 'program:java', 'user:7']"] {
            let text = "hosts: { a.example: { intercept: on, intercept_except: \(list) } }"
            let loaded = try ConfigurationLoader.load(text: text, file: "f")
            let settings = loaded.layers.effective(for: Origin(scheme: .https, host: "a.example", port: 443))
            #expect(settings.intercept)
            #expect(settings.interceptExcept.patterns.map(\.description) == ["10.1.0.0/16", "program:java", "user:7"])
        }
    }

    @Test("listening beyond loopback is taken with allow_from, however much that allows")
    func beyondLoopback() throws {
        let text = "proxy: { allow_from: ['0.0.0.0/0'], listen: ['0.0.0.0:3128', '[2001:db8::1]:3128'] }"
        #expect(try ConfigurationLoader.load(text: text, file: "f").configuration.proxy.listen.count == 2)
    }

    @Test("a database in memory is asked for in quotes")
    func inMemory() throws {
        let loaded = try ConfigurationLoader.load(text: "database: \":memory:\"", file: "f")
        #expect(loaded.configuration.databasePath(environment: ["HOME": "/root"]) == ":memory:")
        #expect(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(text: "database: :memory:", file: "f")
        }
    }

    @Test("the admin token lies beside the database, unless said otherwise")
    func tokenPath() {
        var configuration = Configuration()
        #expect(configuration.adminTokenPath(environment: ["STATE_DIRECTORY": "/s"]) == "/s/admin.token")
        #expect(configuration.adminTokenPath(environment: [:]) == nil)
        configuration.admin.tokenFile = "/t"
        #expect(configuration.adminTokenPath(environment: [:]) == "/t")
    }

    @Test(
        "a socket's mode is octal, and lets connd itself in",
        arguments: [("0660", 0o660), ("600", 0o600), ("0777", 0o777), ("0666", 0o666)] as [(String, UInt16)])
    func socketMode(text: String, bits: UInt16) throws {
        let mode = try SocketMode(parsing: text)
        #expect(mode.bits == bits)
        #expect(try SocketMode(parsing: mode.description) == mode)
        for refused in ["", "0", "0440", "0060", "0o660", "06600", "1660", "0680", "-660", "rw-rw----", "66"] {
            #expect(throws: ValueProblem.self, "\(refused)") { try SocketMode(parsing: refused) }
        }
    }

    @Test("port 0 may be given more than once")
    func anyPorts() throws {
        let text = "proxy: { listen: ['127.0.0.1:0', '127.0.0.1:0'] }"
        #expect(try ConfigurationLoader.load(text: text, file: "f").configuration.proxy.listen.count == 2)
    }

    @Test("a file that cannot be read, is too large or no UTF-8 is refused with the reason")
    func unreadable() throws {
        expectRefused("/nonexistent/connd.yaml: cannot be read: No such file or directory") { () throws(Failure) in
            try ConfigurationLoader.load(path: "/nonexistent/connd.yaml")
        }
        expectRefused("/tmp: cannot be read: Is a directory") { () throws(Failure) in
            try ConfigurationLoader.load(path: "/tmp")
        }
        expectRefused("/dev/zero: larger than 1MiB, which a config file must not be") { () throws(Failure) in
            try ConfigurationLoader.load(path: "/dev/zero")
        }
        expectRefused("f: is neither UTF-8 nor UTF-16 or UTF-32 with a mark") { () throws(Failure) in
            try ConfigurationLoader.load(bytes: [0x61, 0xFF], file: "f")
        }
        let largest = [UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 20)
        #expect(throws: Never.self) { try ConfigurationLoader.load(bytes: largest, file: "f") }
        expectRefused("f: larger than 1MiB, which a config file must not be") { () throws(Failure) in
            try ConfigurationLoader.load(bytes: largest + [10], file: "f")
        }
    }

    @Test(
        "state lies where systemd, XDG or the home directory say",
        arguments: [
            (["STATE_DIRECTORY": "/var/lib/connd", "HOME": "/root"], "/var/lib/connd/connd.db"),
            (["STATE_DIRECTORY": "/var/lib/a:/var/lib/b"], "/var/lib/a/connd.db"),
            (["XDG_STATE_HOME": "/x", "HOME": "/root"], "/x/connd/connd.db"),
            (["XDG_STATE_HOME": "", "HOME": "/root"], "/root/.local/state/connd/connd.db"), ([:], nil),
        ] as [([String: String], String?)])
    func databasePath(environment: [String: String], path: String?) {
        #expect(Configuration().databasePath(environment: environment) == path)
        var configuration = Configuration()
        configuration.database = "/db"
        #expect(configuration.databasePath(environment: environment) == "/db")
    }

    private typealias Failure = ConfigurationFailure

    private func expectRefused(_ text: String, _ load: () throws(Failure) -> LoadedConfiguration) {
        do throws(Failure) {
            _ = try load()
            Issue.record("taken, instead of: \(text)")
        } catch {
            #expect(error.description == text)
        }
    }

    static let full = """
        proxy:
          listen: ["10.0.0.1:8080", "unix:/run/connd/proxy.sock"]
          allow_from: ["10.0.0.0/8", "fd00::/8"]
          connect_ports: any
          allow: ["*.example.com"]
          deny: ["169.254.0.0/16", secret.example.com]
          max_client_connections: 11
          max_upstream_connections: 12
          max_head_bytes: 13KiB
          max_buffer: 1MiB
          client_head_timeout: 14s
          client_idle_timeout: 1m30s
          client_body_timeout: 45s
          shutdown_grace: 0
          threads: 1
        admin:
          listen: []
          token_file: /etc/connd/admin.token
          allow_hosts: [Connd.Example.com., "fd00::1"]
          socket_mode: 600
        database: /var/lib/connd/connd.db
        metrics: { max_origins: 15 }
        exchanges: { slow: 0 }
        log: { level: debug, format: journald }
        access_log: { path: /var/log/connd/access.log, format: text }
        settings:
          max_connections: 8
          source_address: 10.0.0.5
        hosts:
          "*.example.com": { max_connections: 4 }
          "http://10.1.2.3:8080": { idle_timeout: 30s, tcp_nodelay: off }
        """
}
