import ProxyTypes
import Testing

@Suite("Who a client is")
struct ClientIdentityTests {
    @Test(
        "is stored as text that is read back",
        arguments: [
            (ClientIdentity.unknown, "unknown"), (.user(0), "user:0"), (.user(.max), "user:4294967295"),
            (.program("a:b c", user: 7), "program:7:a:b c"), (.program("unknown", user: 1), "program:1:unknown"),
            (.address(IPAddress(ipv4: 0x7F00_0001)), "127.0.0.1"),
            (.address(IPAddress(high: 1, low: 1)), "::1:0:0:0:1"),
        ])
    func canonical(identity: ClientIdentity, text: String) {
        #expect(identity.canonical == text && ClientIdentity(canonical: text) == identity)
    }

    @Test(
        "other texts are nobody",
        arguments: [
            "", "user", "user:", "user:a", "user:1:a", "user:4294967296", "program:1", "program:1:", "program:a",
        ])
    func refused(text: String) {
        #expect(ClientIdentity(canonical: text) == nil)
    }
}
