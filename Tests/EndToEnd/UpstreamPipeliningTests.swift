import TestSupport
import Testing

@Suite struct UpstreamPipeliningTests {
    private static let settings = "settings: { max_connections: 1, pipelining: idempotent, pipeline_depth: 3 }"

    private func warmedUp(_ proxy: RunningProxy, _ origin: FakeOrigin) throws {
        #expect(try ScriptedClient(proxy).get(origin.url("/warm")).status == 200)
    }

    @Test("requests of several clients share a connection, and each gets its own answer")
    func shares() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            var targets: [String] = []
            // None is answered before all have come: without pipelining the second never would.
            for _ in 0..<3 { targets.append(try connection.readRequest()?.target ?? "none") }
            for target in targets { connection.respond(body: "for \(target)") }
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy(Self.settings)
        try warmedUp(proxy, origin)
        let clients = try (0..<3).map { _ in try ScriptedClient(proxy) }
        for (index, client) in clients.enumerated() { try client.send("GET", origin.url("/\(index)")) }
        for (index, client) in clients.enumerated() {
            #expect(text(try client.response().body) == "for /\(index)")
        }
        #expect(origin.record.connections.count == 1)
    }

    @Test("what was sent behind a request whose connection ends is sent again, and a POST waits its turn")
    func retries() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                guard request.target == "/first" else {
                    connection.respond()
                    continue
                }
                _ = try connection.readRequest()
                return connection.respond(body: "then the end")
            }
        }
        let proxy = try RunningProxy(Self.settings)
        try warmedUp(proxy, origin)
        let (first, second, third) = (try ScriptedClient(proxy), try ScriptedClient(proxy), try ScriptedClient(proxy))
        try first.send("GET", origin.url("/first"))
        try origin.waitToSee("the first") { $0.requests.count == 2 }
        try second.send("GET", origin.url("/second"))
        try origin.waitToSee("the second") { $0.requests.count >= 3 }
        try third.send("POST", origin.url("/post"), body: "data")
        #expect(text(try first.response().body) == "then the end")
        #expect(try second.response().status == 200)
        #expect(try third.response().status == 200)
        let targets = origin.record.requests.map(\.target)
        #expect(targets.count { $0 == "/post" } == 1)
        #expect(targets.count { $0 == "/first" } == 1)
    }

    @Test("a client whose answer is cut takes its other requests on the same connection with it, and nobody else's")
    func cut() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                guard request.target == "/cut" else {
                    connection.respond()
                    continue
                }
                _ = try connection.readRequest()
                return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\na part of it")
            }
        }
        let proxy = try RunningProxy(Self.settings)
        try warmedUp(proxy, origin)
        let client = try ScriptedClient(proxy)
        try client.send(
            ["/cut", "/behind"].map { "GET \(origin.url($0)) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n" }.joined())
        #expect(text(try client.readToEnd().bytes).hasSuffix("a part of it"))
        let other = try FakeOrigin.answering()
        let next = try ScriptedClient(proxy)
        #expect(try next.get(other.url()).status == 200)
        #expect(try next.get(origin.url("/again")).status == 200)
    }

    @Test("each client gets its own answer however the answers on a shared connection come in pieces")
    func pieces() throws {
        let first = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
        let second = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\nX-Sum: 1\r\n\r\n"
        let answers = Array((first + second).utf8)
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                guard let split = Int(request.target.dropFirst()) else {
                    connection.respond()
                    continue
                }
                _ = try connection.readRequest()
                connection.send(Array(answers[..<split]))
                try gate.pass()
                connection.send(Array(answers[split...]))
            }
        }
        let proxy = try RunningProxy(Self.settings)
        try warmedUp(proxy, origin)
        let clients = try (0..<2).map { _ in try ScriptedClient(proxy) }
        for split in stride(from: 1, to: answers.count, by: 3) {
            let before = origin.record.requests.count
            try clients[0].send("GET", origin.url("/\(split)"))
            try origin.waitToSee("the first") { $0.requests.count == before + 1 }
            try clients[1].send("GET", origin.url("/behind"))
            try origin.waitToSee("the second") { $0.requests.count == before + 2 }
            try proxy.settle()
            gate.admit()
            #expect(text(try clients[0].response().body) == "first", "split at \(split)")
            #expect(text(try clients[1].response().body) == "second", "split at \(split)")
        }
        #expect(origin.record.connections.count == 1)
    }
}
