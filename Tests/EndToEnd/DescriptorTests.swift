import TestSupport
import Testing

@Suite struct DescriptorTests {
    @Test("out of file descriptors, accepting pauses without spinning, and resumes")
    func pauses() throws {
        let proxy = try RunningProxy(
            "proxy: { client_head_timeout: 5m }", wrapper: ["prlimit", "--nofile=64:64", "--"])
        let ask = "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"
        var waiting = try (0..<100).map { _ in try ScriptedClient(proxy) }
        for client in waiting { try client.send(ask) }
        var served: [ScriptedClient] = []
        // Those that could be accepted are all answered when nothing more comes for half a second, the time over which
        // the processor time is looked at as well.
        var before = try proxy.processorTime()
        while let next = StreamSocket.firstReadable(waiting.map(\.socket), within: 500) {
            #expect(try waiting[next].response().status == 200)
            served.append(waiting.remove(at: next))
            before = try proxy.processorTime()
        }
        #expect(!served.isEmpty && !waiting.isEmpty, "\(served.count) served")
        #expect(try proxy.processorTime() - before < 200)
        while !served.isEmpty {
            for client in served { client.close() }
            served = []
            if waiting.isEmpty { break }
            let next = try #require(StreamSocket.firstReadable(waiting.map(\.socket)), "\(waiting.count) still wait")
            #expect(try waiting[next].response().status == 200)
            served.append(waiting.remove(at: next))
        }
        #expect(waiting.isEmpty)
        let totals = try proxy.waitForTotals("the clients to be gone") { $0["clients"] == 0 }
        #expect(totals["clients_accepted"] == 100)
        #expect(try #require(totals["accept_pauses"]) > 0)
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("short of descriptors, idle connections to origins make room")
    func idleGoFirst() throws {
        let origins = try (0..<50).map { _ in try FakeOrigin.answering() }
        let proxy = try RunningProxy(
            "settings: { idle_timeout: 1m }", wrapper: ["prlimit", "--nofile=40:40", "--"])
        let client = try ScriptedClient(proxy)
        for (number, origin) in origins.enumerated() {
            let response = try client.get(origin.url())
            #expect(response.status == 200, "origin \(number): \(response.text)")
        }
        #expect(try #require(proxy.totals()["upstream_closed.fd_pressure"]) > 0)
    }
}
