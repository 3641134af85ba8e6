import TestSupport
import Testing

/// An origin whose answers wait for acknowledgements, by the kernel's own doing.
@Suite struct DelayedAcknowledgementTests {
    /// It writes the head and the body of each answer apart, with Nagle's algorithm on.
    private func splitting() throws -> FakeOrigin {
        try FakeOrigin { connection in
            connection.delaySmallSegments()
            while try connection.readRequest() != nil {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
                connection.send("body")
            }
        }
    }

    /// How long acknowledgements are put off shows only where nothing else makes answers wait: on a busy host not at the
    /// first attempt, and beside many other tests not at the tenth.
    private static let attempts = 24

    @Test("an origin that writes head and body apart is found, with the setting that helps, and gone when that is set")
    func splitAnswers() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let client = try ScriptedClient(proxy)
        var found: (origin: FakeOrigin, delay: JSONDocument)?
        for _ in 0..<Self.attempts where found == nil {
            let origin = try splitting()
            // The kernel acknowledges the first segments of a connection at once.
            for _ in 0..<60 { #expect(try client.get(origin.url()).text == "body") }
            found = try proxy.detail(origin)["delays"].items.first.map { (origin, $0) }
        }
        let (origin, delay) = try #require(found)
        #expect(delay["side"].text == "origin" && delay["setting"].text == "tcp_quickack=on")
        #expect(delay["wait_ms"].int == 40 && delay["share"].double ?? 0 > 0.05, "\(delay)")
        #expect(delay["share_with_setting"] == .null)
        let told = try proxy.connctl("show", origin.name).output
        for words in ["the origin writes answers in parts", "tcp_quickack=on ends that"] {
            #expect(told.contains(words), "\(told)")
        }

        try proxy.connctl("set", origin.name, "tcp_quickack=on")
        try proxy.connctl("reconnect", origin.name)
        for _ in 0..<60 { #expect(try client.get(origin.url()).text == "body") }
        let after = try #require(try proxy.detail(origin)["delays"].items.first?["share_with_setting"].double)
        #expect(after < delay["share"].double ?? 0)
    }
}
