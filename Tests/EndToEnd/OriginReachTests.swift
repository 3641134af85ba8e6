import TestSupport
import Testing

@Suite struct OriginReachTests {
    @Test("an origin that cannot be dialled is told of by name, once, and so is its return")
    func lostAndFound() throws {
        let dead = try RefusingPort()
        let name = "http://127.0.0.1:\(dead.port)"
        let proxy = try RunningProxy(state: try StateFolder())
        let client = try ScriptedClient(proxy)
        func told(_ text: String) -> [String] { proxy.logLines.filter { $0.contains(text) } }
        try proxy.wait(for: "the origin to be given up") { _ in
            _ = try client.get(dead.url)
            return told("the origin cannot be reached")
        } until: {
            !$0.isEmpty
        }
        let line = try #require(told("the origin cannot be reached").first)
        #expect(line.contains(" warning ") && line.contains("origin=\(name)"), "\(line)")
        dead.listen()
        try proxy.wait(for: "the origin to be found again") { proxy in
            try proxy.connctl("prewarm", name, "1")
            return told("the origin can be reached again")
        } until: {
            !$0.isEmpty
        }
        #expect(told("the origin cannot be reached").count == 1)
    }
}
