import ConfigurationFile
import ProxyTypes
import Testing
import Tuning

@Suite("Gateways of the config file")
struct GatewayFileTests {
    private static let full = """
        gateways:
          - name: stripe
            origin: "https://API.stripe.com/"
            listen: ["127.0.0.1:9101", "unix:/run/connd/gateways/stripe.sock"]
            preserve_host: true
            cookie_secure: strip
            socket_mode: "0600"
            allow_hosts: [Host.Docker.Internal, "*.corp.example"]
          - { name: a.b-c_1, origin: http://h:8080, listen: ["[::1]:9102"] }
        """

    @Test("each key is read into its place, and each gateway knows its line")
    func full() throws {
        let loaded = try ConfigurationLoader.load(text: Self.full, file: "f")
        let stripe = GatewayDefinition(
            name: "stripe", origin: try #require(Origin("https://api.stripe.com")),
            listen: [
                .tcp(IPAddress(ipv4: 0x7F00_0001), port: 9101), .unix(path: "/run/connd/gateways/stripe.sock"),
            ], preserveHost: true, cookieSecure: .strip, socketMode: try SocketMode(parsing: "0600"),
            allowHosts: try ["host.docker.internal", "*.corp.example"].map { try GatewayHost(parsing: $0) })
        let other = GatewayDefinition(
            name: "a.b-c_1", origin: try #require(Origin("http://h:8080")),
            listen: [.tcp(IPAddress(high: 0, low: 1), port: 9102)])
        #expect(loaded.configuration.gateways == [stripe, other])
        #expect(loaded.gateways.map(\.place) == ["f:2", "f:9"])
    }

    @Test("what is printed reads back, and a change is told on reload")
    func printed() throws {
        let loaded = try ConfigurationLoader.load(text: Self.full, file: "f")
        let again = try ConfigurationLoader.load(text: ConfigurationPrinter.print(loaded), file: "f")
        #expect(again.configuration == loaded.configuration)
        let changes = loaded.changes(from: LoadedConfiguration())
        #expect(changes.map(\.path) == ["gateways"] && changes.first?.before == "[]")
    }

    @Test("no gateways", arguments: ["gateways:", "gateways: []", "gateways: ~"])
    func none(text: String) throws {
        #expect(try ConfigurationLoader.load(text: text, file: "f").configuration == Configuration())
    }

    @Test("beyond loopback only where the file says who may connect")
    func beyondLoopback() throws {
        let gateway = "gateways: [{ name: a, origin: http://h, listen: ['0.0.0.0:9101'] }]"
        #expect(throws: ConfigurationFailure.self) { try ConfigurationLoader.load(text: gateway, file: "f") }
        let allowed = gateway + "\nproxy: { allow_from: [10.0.0.0/8] }"
        #expect(try ConfigurationLoader.load(text: allowed, file: "f").configuration.gateways.count == 1)
    }

    @Test(
        "what is wrong is told with its place",
        arguments: [
            ("{}", "1:11: `gateways` must be a list of gateways, not a mapping"),
            (
                "[a]",
                "1:12: a gateway must be a mapping of name, origin, listen, preserve_host, cookie_secure, socket_mode, allow_hosts, not `a`"
            ),
            ("[{ name: a, origin: http://h }]", "1:12: a gateway must have `listen`"),
            ("[{ origin: http://h, listen: ['127.0.0.1:1'] }]", "1:12: a gateway must have `name`"),
            ("[{ name: a, orign: http://h }]", "1:23: unknown key `orign` in a gateway; did you mean `origin`?"),
            (
                "[{ name: 'a b', origin: h, listen: [] }]",
                "1:20: `name` must be letters, digits, `-`, `_` and dots, at most 64, the first a letter or a digit, not `a b`"
            ),
            (
                "[{ name: a, origin: http://h/v1, listen: ['127.0.0.1:1'] }]",
                "1:31: `origin` must be an origin such as https://api.example.com, without a path, not `http://h/v1`"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1'] }]",
                "1:50: `listen` must be an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an absolute path, not `127.0.0.1`"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1:1'], cookie_secure: no }]",
                "1:81: `cookie_secure` must be keep or strip, not `no`"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1:1'], socket_mode: 0444 }]",
                "1:79: `socket_mode` must be an octal mode from 0600 to 0777, such as 0660, not `0444`"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1:1'], allow_hosts: ['a:1'] }]",
                "1:80: `allow_hosts` must be a host name, *.example.com, an address, or *, without a port, not `a:1`"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1:3129'] }]\nadmin: { listen: ['127.0.0.1:3129'] }",
                "1:50: `gateways`: 127.0.0.1:3129 is given twice"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1:1', '127.0.0.1:1'] }]",
                "1:65: `gateways`: 127.0.0.1:1 is given twice"
            ),
            (
                "[{ name: a, origin: http://h, listen: ['127.0.0.1:1'] }, { name: a, origin: http://h, listen: ['127.0.0.1:2'] }]",
                "1:68: the gateway `a` is given on line 1 already"
            ),
        ])
    func refused(text: String, problem: String) throws {
        let failure = #expect(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(text: "gateways: \(text)", file: "f")
        }
        let problems = failure?.problems.map(\.description) ?? []
        #expect(problems.contains("f:\(problem)"), "\(problems)")
    }
}
