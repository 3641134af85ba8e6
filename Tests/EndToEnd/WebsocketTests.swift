import TestSupport
import Testing

@Suite struct WebsocketTests {
    // The example of RFC 6455 1.3, so that nothing need be hashed.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    /// Echoes unmasked what came in masked text frames; answers a close frame with one and ends.
    private func echo() throws -> FakeOrigin {
        try FakeOrigin { connection in
            guard let request = try connection.readRequest() else { return }
            guard request.head["Upgrade"] == ["websocket"],
                request.head["Connection"].contains(where: { $0.lowercased().contains("upgrade") }),
                request.head["Sec-WebSocket-Key"] == [Self.key]
            else { return connection.respond("426 Upgrade Required", body: "") }
            connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: \(Self.accept)\r\n\r\n"
            )
            while true {
                let (opcode, data) = try readFrame { try connection.read($0) }
                connection.send(frame(opcode, data))
                if opcode == 8 { return }
            }
        }
    }

    private func talk(_ client: ScriptedClient) throws {
        for message in ["hello", String(repeating: "a longer one ", count: 800), ""] {
            try client.send(frame(1, Array(message.utf8), mask: [1, 2, 3, 4]))
            let (opcode, data) = try readFrame { try client.read($0) }
            #expect(opcode == 1)
            #expect(text(data) == message)
        }
        try client.send(frame(8, [3, 232], mask: [9, 9, 9, 9]))
        #expect(try readFrame { try client.read($0) }.data == [3, 232])
        #expect(try client.end() == .fin)
    }

    private var handshake: [String] {
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(Self.key)"]
    }

    @Test("a websocket opened by a request to the proxy echoes")
    func upgrade() throws {
        let origin = try echo()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let response = try client.get(origin.url("/chat"), handshake)
        #expect(response.status == 101)
        #expect(response["Upgrade"] == ["websocket"])
        #expect(response["Connection"].map { $0.lowercased() } == ["upgrade"])
        #expect(response["Sec-WebSocket-Accept"] == [Self.accept])
        try talk(client)
    }

    @Test("a websocket within a tunnel echoes")
    func tunnel() throws {
        let origin = try echo()
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n")
        #expect(try client.response(to: "CONNECT").status == 200)
        try client.send("GET", "/chat", handshake)
        #expect(try client.response().status == 101)
        try talk(client)
    }

    @Test("frames that come right behind the 101 are not lost")
    func eager() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send(
                Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".utf8)
                    + frame(1, Array("first".utf8)))
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url(), handshake).status == 101)
        #expect(text(try readFrame { try client.read($0) }.data) == "first")
    }

    @Test("an origin that does not upgrade is answered as any other")
    func declined() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url(), handshake).text == "hello")
        #expect(try client.get(origin.url()).text == "hello")
    }

    @Test("a 101 that nobody asked for is an error")
    func unasked() throws {
        let origin = try FakeOrigin.sending(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        let proxy = try RunningProxy()
        try ScriptedClient(proxy).get(origin.url()).expectErrorAnswer(502, "http_protocol_error")
    }
}

/// RFC 6455 5.2, for payloads up to 65535 bytes.
private func frame(_ opcode: UInt8, _ data: [UInt8], mask: [UInt8]? = nil) -> [UInt8] {
    let flag: UInt8 = mask == nil ? 0 : 0x80
    var bytes = [0x80 | opcode]
    bytes +=
        data.count < 126 ? [flag | UInt8(data.count)] : [flag | 126, UInt8(data.count >> 8), UInt8(data.count & 0xFF)]
    guard let mask else { return bytes + data }
    return bytes + mask + data.enumerated().map { $1 ^ mask[$0 % 4] }
}

private func readFrame(_ read: (Int) throws -> [UInt8]) throws -> (opcode: UInt8, data: [UInt8]) {
    let start = try read(2)
    var length = Int(start[1] & 0x7F)
    if length == 126 { length = try read(2).reduce(0) { $0 << 8 | Int($1) } }
    let mask = start[1] & 0x80 == 0 ? [0, 0, 0, 0] : try read(4)
    return (start[0] & 0x0F, try read(length).enumerated().map { $1 ^ mask[$0 % 4] })
}
