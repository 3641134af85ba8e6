import ProxyTypes
import Testing

@Suite("Listen addresses")
struct ListenAddressTests {
    @Test(
        "are read back as they were written",
        arguments: [
            ("127.0.0.1:3128", "127.0.0.1:3128"), ("0.0.0.0:0", "0.0.0.0:0"), ("[::1]:65535", "[::1]:65535"),
            ("[0:0::1]:1", "[::1]:1"), ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"), ("unix:/run/a b", "unix:/run/a b"),
            ("unix:/" + String(repeating: "x", count: 106), "unix:/" + String(repeating: "x", count: 106)),
        ])
    func parsed(text: String, written: String) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.description == written)
        #expect(ListenAddress(written) == address)
    }

    @Test(
        "all else is none",
        arguments: [
            "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:080", "127.0.0.1:+1", "localhost:80",
            "::1:80", "[::1]", "[127.0.0.1]:80", "[::1%lo]:80", "unix:", "unix:a", "/a", "unix:/a\u{0}b",
            "http://1.2.3.4:5",
            "unix:/" + String(repeating: "x", count: 107),
        ])
    func refused(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(
        "two collide where the kernel refuses the second",
        arguments: [
            ("127.0.0.1:1", "127.0.0.1:1", true), ("127.0.0.1:1", "127.0.0.1:2", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.2:1", false), ("[::]:1", "[::1]:1", true), ("[::]:1", "127.0.0.1:1", false),
            ("127.0.0.1:0", "127.0.0.1:0", false), ("unix:/a", "unix:/a", true), ("unix:/a", "unix:/b", false),
            ("unix:/a", "127.0.0.1:1", false),
        ])
    func collisions(a: String, b: String, collide: Bool) throws {
        let (a, b) = (try #require(ListenAddress(a)), try #require(ListenAddress(b)))
        #expect(a.collides(with: b) == collide)
        #expect(b.collides(with: a) == collide)
    }

    @Test(
        "a Unix socket and a loopback address are reached from this host alone",
        arguments: [
            ("unix:/a", true), ("127.9.9.9:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("10.0.0.1:1", false),
        ])
    func loopback(text: String, isLoopback: Bool) {
        #expect(ListenAddress(text)?.isLoopback == isLoopback)
    }
}
