import Testing

@testable import AdminAPI

@Suite("The proxy auto-config script")
struct ProxyAutoConfigTests {
    private func proxy(_ listeners: [String]) -> String? {
        ProxyAutoConfig(listeners: listeners, adminListeners: [])?.proxy
    }

    @Test(
        "names the first listener on loopback, else the first with a port",
        arguments: [
            (["127.0.0.1:3128", "[::1]:3128"], "127.0.0.1:3128"),
            (["10.0.0.5:8080", "127.0.0.1:3128"], "127.0.0.1:3128"),
            (["unix:/run/connd/proxy.sock", "[::1]:3128"], "[::1]:3128"),
            (["10.0.0.5:8080", "[2001:db8::5]:80"], "10.0.0.5:8080"),
            (["[2001:DB8::5]:80"], "[2001:db8::5]:80"),
            (["0.0.0.0:3128"], "127.0.0.1:3128"), (["[::]:3128"], "[::1]:3128"),
        ])
    func named(listeners: [String], proxy: String) {
        #expect(self.proxy(listeners) == proxy)
    }

    @Test(
        "names nothing that a browser cannot connect to, or that would end a quoted string",
        arguments: [
            [], ["unix:/run/connd/proxy.sock"], ["127.0.0.1:0"], ["127.0.0.1"], ["fe80::1%eth0:3128"],
            ["a\";alert(1);\":80"], [":80"], ["[]:80"], ["a\\:80"],
        ])
    func none(listeners: [String]) {
        #expect(proxy(listeners) == nil)
    }

    @Test("lists connd's own listeners beyond loopback once each, and only those")
    func own() throws {
        let config = try #require(
            ProxyAutoConfig(
                listeners: ["127.0.0.1:3128", "10.0.0.5:3128"],
                adminListeners: ["[::1]:3129", "10.0.0.5:3129", "10.0.0.5:3128", "unix:/run/connd/admin.sock"]))
        #expect(config.own == ["10.0.0.5 3128", "10.0.0.5 3129"])
        #expect(config.script.contains(#"var own = { "10.0.0.5 3128": 1, "10.0.0.5 3129": 1 };"#))
        let alone = try #require(ProxyAutoConfig(listeners: ["127.0.0.1:3128"], adminListeners: ["127.0.0.1:3129"]))
        #expect(!alone.script.contains("own"))
        #expect(alone.script.contains("    return \"PROXY 127.0.0.1:3128; DIRECT\";\n}\n"))
    }

    @Test("both places serve it")
    func served() async throws {
        try await Fixture.run { fixture in
            let script = try await fixture.ask("GET", "/proxy.pac")
            #expect(script.body.contains("return \"PROXY 127.0.0.1:3128; DIRECT\";"))
            #expect(try await fixture.ask("GET", "/wpad.dat").body == script.body)
            // It has no tag, so no condition holds it back.
            #expect(try await fixture.ask("GET", "/proxy.pac", [("If-None-Match", "*")]).status == 200)
        }
    }

    @Test("503 says what to set where there is no TCP listener")
    func withoutListener() async throws {
        try await Fixture.run { fixture in
            fixture.backend.listen(on: ["unix:/run/connd/proxy.sock"])
            for target in ["/proxy.pac", "/wpad.dat"] {
                let answer = try await fixture.ask("GET", target)
                #expect(answer.status == 503)
                #expect(answer["content-type"] == "application/problem+json")
                #expect(answer.body.contains("proxy.listen") && answer.body.contains("unix:/run/connd/proxy.sock"))
            }
        }
    }
}
