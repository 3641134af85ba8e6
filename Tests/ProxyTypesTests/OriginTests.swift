import ProxyTypes
import Testing

@Suite("Origins as text")
struct OriginTests {
    @Test(
        "an origin's text is read back as the origin that wrote it",
        arguments: [
            Origin(scheme: .http, host: "example.com", port: 80), Origin(scheme: .http, host: "a_b.c", port: 8080),
            Origin(scheme: .https, host: "10.0.0.1", port: 80), Origin(scheme: .http, host: "[::1]", port: 80),
            Origin(scheme: .https, host: "[2001:db8::1]", port: 8443), Origin(scheme: .https, host: "a", port: 443),
        ])
    func readBack(origin: Origin) {
        #expect(Origin(canonical: origin.description) == origin)
        #expect(Origin(origin.description) == origin)
    }

    @Test(
        "other spellings are read, and are not canonical",
        arguments: [
            ("HTTP://a", "http://a"), ("http://A.", "http://a"), ("http://a:80", "http://a"),
            ("https://a:443", "https://a"), ("http://[0:0::1]:8080", "http://[::1]:8080"),
            ("http://[::ffff:127.0.0.1]", "http://127.0.0.1"),
        ])
    func spellings(text: String, canonical: String) {
        #expect(Origin(text)?.description == canonical)
        #expect(Origin(canonical: text) == nil)
    }

    @Test(
        "what is no origin is none",
        arguments: [
            "", "a", "a:80", "http://", "http:a", "http:/a", "ftp://a", "http://a/", "http://a/b", "http://u@a",
            "http://a:", "http://a:x", "http://a:0", "http://a:080", "http://a:65536", "http://*", "http://*.a",
            "http://::1", "http://[::1", "http://[::1]80", "http://[127.0.0.1]", " http://a", "http://a ",
            "http://127.1",
        ])
    func none(text: String) {
        #expect(Origin(text) == nil)
        #expect(Origin(canonical: text) == nil)
    }

    @Test(
        "over TLS, an http origin is the https one of its host: 80 becomes 443, another port stays",
        arguments: [
            ("http://a", "https://a", "a"), ("http://a:443", "https://a", "a"),
            ("http://a:8080", "https://a:8080", "a:8080"), ("http://[::1]", "https://[::1]", "[::1]"),
        ])
    func overTLS(text: String, expected: String, authority: String) throws {
        let origin = try #require(Origin(text)).overTLS
        #expect(origin.description == expected)
        #expect(origin.authority == authority)
    }

    @Test(
        "the http origins that lead to an https one are those that it is over TLS",
        arguments: [
            ("https://a", ["http://a", "http://a:443"]), ("https://a:8080", ["http://a:8080"]), ("https://a:80", []),
            ("http://a", []),
        ])
    func underTLS(text: String, expected: [String]) throws {
        #expect(try #require(Origin(text)).underTLS.map(\.description) == expected)
    }
}
