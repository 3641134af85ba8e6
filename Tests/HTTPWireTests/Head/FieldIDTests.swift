import FuzzTargets
import HTTPWire
import Testing

@Suite("Field names")
struct FieldIDTests {
    static let names: [(String, FieldID)] = [
        ("Connection", .connection), ("Keep-Alive", .keepAlive), ("Proxy-Connection", .proxyConnection), ("TE", .te),
        ("Trailer", .trailer), ("Transfer-Encoding", .transferEncoding), ("Content-Length", .contentLength),
        ("Host", .host), ("Upgrade", .upgrade), ("Expect", .expect), ("Via", .via), ("Max-Forwards", .maxForwards),
        ("Proxy-Authorization", .proxyAuthorization), ("Proxy-Authenticate", .proxyAuthenticate),
        ("Proxy-Authentication-Info", .proxyAuthenticationInfo), ("Date", .date), ("Server", .server),
        ("Authorization", .authorization), ("WWW-Authenticate", .wwwAuthenticate), ("Proxy-Support", .proxySupport),
        ("Origin", .origin), ("Sec-Fetch-Site", .secFetchSite),
    ]

    private func id(_ name: String) -> FieldID? {
        // Of a response, where no field of these is refused for its number.
        var head = ResponseHead()
        let bytes = Wire.bytes("HTTP/1.1 204 x\r\n\(name): 1\r\n\r\n")
        guard case .accepted(let response) = Feeding.response(bytes, head: &head) else { return nil }
        return response.lines.first?.id
    }

    @Test("a known name is recognised in any case", arguments: names)
    func known(name: String, expected: FieldID) {
        // One coding that is not chunked would be refused for what it says.
        guard expected != .transferEncoding else { return }
        #expect(id(name) == expected && id(name.lowercased()) == expected && id(name.uppercased()) == expected)
    }

    @Test("Transfer-Encoding is recognised in any case", arguments: ["Transfer-Encoding", "tRANSFER-eNCODING"])
    func transferEncoding(name: String) {
        var head = ResponseHead()
        let bytes = Wire.bytes("HTTP/1.1 200 x\r\n\(name): chunked\r\n\r\n")
        _ = Feeding.response(bytes, head: &head)
        #expect(head.framing == .chunked)
    }

    @Test("all ids but other have a name here")
    func complete() {
        #expect(Set(Self.names.map(\.1)).count == FieldID.allCases.count - 1)
    }

    @Test("a name that differs in one byte, or by one byte more or less, is another", arguments: names)
    func unknown(name: String, expected: FieldID) {
        let bytes = Wire.bytes(name)
        for index in bytes.indices {
            for other in [UInt8(ascii: "x"), UInt8(ascii: "_"), bytes[index] ^ 1, bytes[index] ^ 0x10] {
                var changed = bytes
                changed[index] = other
                let text = Wire.text(changed)
                guard text.lowercased() != name.lowercased(), let found = id(text) else { continue }
                #expect(found == .other, "\(text)")
            }
        }
        #expect(id(name + "x") == .other && id("x" + name) == .other)
        if name.utf8.count > 2 { #expect(id(String(name.dropLast())) == .other) }
    }

    @Test("first finds the first line of an id, or none")
    func first() {
        var head = RequestHead()
        let bytes = Wire.bytes("GET http://h/ HTTP/1.1\r\nHost: h\r\nVia: a\r\nVia: b\r\n\r\n")
        _ = Feeding.request(bytes, head: &head)
        #expect(head.fields.first(.via).map { Wire.text(bytes[$0.value]) } == "a")
        #expect(head.fields.first(.expect) == nil && head.fields.contains(.host))
    }
}
