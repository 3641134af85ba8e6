import TestSupport
import Testing

@Suite struct TunnelTests {
    private func tunnel(_ proxy: RunningProxy, _ origin: FakeOrigin) throws -> ScriptedClient {
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n")
        let response = try client.response(to: "CONNECT")
        #expect(response.status == 200)
        #expect(response["Content-Length"].isEmpty && response["Transfer-Encoding"].isEmpty)
        return client
    }

    @Test("a tunnel carries 1 MiB each way at once, byte for byte")
    func exact() throws {
        var random = SeededBytes(1)
        let (there, back) = (random.bytes(1 << 20), random.bytes(1 << 20))
        let arrived = EventSource<[UInt8]?>(nil)
        let origin = try FakeOrigin { connection in
            let socket = connection.socket
            let bytes = try concurrently(2) { number -> [UInt8] in
                if number == 0 { return try receiveAll(socket) }
                try socket.send(back)
                socket.finishSending()
                return []
            }
            arrived.change { $0 = bytes[0] }
        }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try tunnel(proxy, origin)
        let socket = client.socket
        let sender = Background {
            try socket.send(there)
            socket.finishSending()
        }
        let (received, ending) = try client.readToEnd()
        #expect(received == back)
        #expect(ending == .fin)
        try sender.wait()
        #expect(try arrived.wait(for: "the origin to have it all") { $0 != nil } == there)
        #expect(try proxy.totals()["tunnels"] == 1)
    }

    @Test("bytes sent behind the CONNECT request arrive")
    func early() throws {
        let origin = try FakeOrigin { connection in connection.send(try connection.read(5).map { $0 &+ 1 }) }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\nHello")
        #expect(try client.response(to: "CONNECT").status == 200)
        #expect(try client.read(5) == Array("Ifmmp".utf8))
        #expect(try client.end() == .fin)
    }

    @Test("when the client has sent all, the origin may still answer")
    func clientHalfCloses() throws {
        let origin = try FakeOrigin { connection in
            let all = try connection.readToEnd()
            connection.send("got \(all.count)")
        }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try tunnel(proxy, origin)
        try client.send("0123456789")
        client.finishSending()
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes) == "got 10")
        #expect(ending == .fin)
        #expect(origin.record.endings == [.fin])
    }

    @Test("when the origin has sent all, the client may still send")
    func originHalfCloses() throws {
        let arrived = EventSource<[UInt8]?>(nil)
        let origin = try FakeOrigin { connection in
            connection.send("bye")
            connection.finishSending()
            let all = try connection.readToEnd()
            arrived.change { $0 = all }
        }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try tunnel(proxy, origin)
        #expect(text(try client.readToEnd().bytes) == "bye")
        try client.send("late words")
        client.finishSending()
        #expect(try arrived.wait(for: "the late words") { $0 != nil } == Array("late words".utf8))
    }

    @Test("a reset on one side ends the other")
    func reset() throws {
        let origin = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try tunnel(proxy, origin)
        try client.send("x")
        client.socket.reset()
        let record = try origin.waitToSee("the end of the tunnel") { $0.openCount == 0 && !$0.connections.isEmpty }
        #expect(record.endings.allSatisfy { $0 != nil })
    }

    @Test("a tunnel that is silent for tunnel_idle_timeout ends")
    func idle() throws {
        let origin = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let proxy = try RunningProxy("{ proxy: { connect_ports: any }, settings: { tunnel_idle_timeout: 1s } }")
        let client = try tunnel(proxy, origin)
        _ = try client.end()
        try origin.waitToSee("the end of the tunnel") { $0.openCount == 0 }
    }

    @Test("CONNECT reaches only the ports of connect_ports, and the answer names the setting")
    func ports() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try client.response()
        response.expectErrorAnswer(403, "http_request_denied")
        #expect(response.text.contains("connect_ports"))
        #expect(origin.record.connections.isEmpty)
    }

    @Test("CONNECT to what refuses or does not exist is an error answer, not a tunnel")
    func refused() throws {
        let refusing = try RefusingPort()
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT 127.0.0.1:\(refusing.port) HTTP/1.1\r\nHost: x\r\n\r\n")
        try client.response(to: "CONNECT").expectErrorAnswer(502, "connection_refused")
    }
}

private func receiveAll(_ socket: StreamSocket) throws -> [UInt8] {
    var all: [UInt8] = []
    while case .bytes(let bytes) = try socket.receive() { all += bytes }
    return all
}
