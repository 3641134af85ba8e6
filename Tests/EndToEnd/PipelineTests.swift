import TestSupport
import Testing

@Suite struct PipelineTests {
    /// Answers with the target, and holds what is asked for at /held until the gate lets it pass.
    private func origin(_ gate: Gate) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target.hasPrefix("/held") { try gate.pass() }
                connection.respond(body: request.target)
            }
        }
    }

    @Test("safe pipelined requests run at once upstream, and are answered in order")
    func order() throws {
        let gate = Gate()
        let origin = try origin(gate)
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let targets = ["/held", "/2", "/3"]
        for target in targets { try client.send("GET", origin.url(target)) }
        let record = try origin.waitToSee("all three while the first is held") {
            $0.requests.count(where: \.isComplete) == 3
        }
        #expect(record.connections.count == 3)
        try proxy.settle()
        #expect(try client.hasNothingToRead())
        gate.open()
        for target in targets { #expect(try client.response().text == target) }
    }

    @Test("a POST waits for the answers before it, and what is behind it keeps its turn")
    func post() throws {
        let gate = Gate()
        let origin = try origin(gate)
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url("/held"))
        try client.send("POST", origin.url("/post"), body: "data")
        try client.send("GET", origin.url("/3"))
        try origin.waitToSee("the first") { $0.requests.count == 1 }
        try proxy.settle()
        #expect(origin.record.requests.map(\.target) == ["/held"])
        gate.open()
        for target in ["/held", "/post", "/3"] { #expect(try client.response().text == target) }
        #expect(origin.record.requests.first { $0.target == "/post" }?.body == Array("data".utf8))
    }

    @Test("an answer that fails takes its turn like any other")
    func failureInOrder() throws {
        let gate = Gate()
        let origin = try origin(gate)
        let refusing = try RefusingPort()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url("/held"))
        try client.send("GET", refusing.url)
        try client.send("GET", origin.url("/3"))
        try origin.waitToSee("the first and the third") { $0.requests.count == 2 }
        try proxy.settle()
        #expect(try client.hasNothingToRead())
        gate.open()
        #expect(try client.response().text == "/held")
        #expect(try client.response().status == 502)
        #expect(try client.response().text == "/3")
    }

    @Test("many pipelined requests, cut anywhere, are each answered once and in order")
    func many() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() { connection.respond(body: request.target) }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let count = 100
        var bytes: [UInt8] = []
        for number in 0..<count { bytes += "GET \(origin.url("/\(number)")) HTTP/1.1\r\nHost: x\r\n\r\n".utf8 }
        for start in stride(from: 0, to: bytes.count, by: 37) {
            try client.send(Array(bytes[start..<min(start + 37, bytes.count)]))
        }
        for number in 0..<count { #expect(try client.response().text == "/\(number)") }
        #expect(origin.record.requests.count == count)
    }

    @Test("after Connection: close nothing more is answered or sent on")
    func close() throws {
        let origin = try origin(Gate())
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(
            "GET \(origin.url("/1")) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                + "GET \(origin.url("/2")) HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        let response = try client.response()
        #expect(response.text == "/1")
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
        #expect(origin.record.requests.map(\.target) == ["/1"])
    }
}
