import ProxyTypes
import Testing

@Suite("Host and port")
struct HostAndPortTests {
    @Test(
        "is split at the colon that follows the host",
        arguments: [
            ("a", "a", nil), ("a:80", "a", "80"), ("a:", "a", ""), ("", "", nil), (":80", "", "80"),
            ("[::1]", "[::1]", nil), ("[::1]:80", "[::1]", "80"), ("[::1]:", "[::1]", ""),
            ("1.2.3.4:5", "1.2.3.4", "5"),
            ("a:b:c", "a", "b:c"), ("::1", "", ":1"),
        ] as [(String, String, String?)])
    func split(text: String, host: String, port: String?) throws {
        let parts = try #require(HostAndPort(text))
        #expect(parts.host == host)
        #expect(parts.portText.map(String.init) == port)
    }

    @Test(
        "brackets must be closed, and followed by a colon or nothing", arguments: ["[", "[::1", "[::1]80", "[::1] :80"])
    func brackets(text: String) {
        #expect(HostAndPort(text) == nil)
    }

    @Test(
        "a port is 0 to 65535 in decimal",
        arguments: [
            ("a:0", 0), ("a:80", 80), ("a:65535", 65535), ("a:65536", nil), ("a:080", nil), ("a:+80", nil), ("a:", nil),
            ("a", nil), ("a:8 ", nil), ("a:99999999999999999999", nil), ("::1", nil),
        ] as [(String, UInt16?)])
    func ports(text: String, port: UInt16?) {
        #expect(HostAndPort(text)?.port == port)
    }

    @Test(
        "a literal address is known as one",
        arguments: [
            ("127.0.0.1:80", "127.0.0.1"), ("[::1]:80", "::1"), ("[::ffff:1.2.3.4]", "1.2.3.4"), ("localhost", nil),
            ("[127.0.0.1]", nil), ("[a]", nil), ("[]", nil), ("", nil),
        ] as [(String, String?)])
    func addresses(text: String, address: String?) {
        #expect(HostAndPort(text)?.address?.description == address)
    }

    @Test("brackets are taken off", arguments: [("[::1]:80", "::1"), ("a:80", "a"), ("[]", "")])
    func unbracketed(text: String, host: String) {
        #expect(HostAndPort(text)?.unbracketedHost == Substring(host))
    }
}
