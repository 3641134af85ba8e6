import TestSupport
import Testing

/// NTLM and Negotiate log in a connection (RFC 4559): what is sent on it afterwards acts as that user.
@Suite struct ConnectionAuthenticationTests {
    /// Knows who is logged in by the connection alone. `type1:USER` is answered with a challenge, `type3:USER` ends the
    /// login that the same connection began; the body of a 200 names the user.
    private func binding(closesAfterLogin: Bool = false) throws -> FakeOrigin {
        try FakeOrigin { connection in
            var begun: String?
            var user: String?
            while let request = try connection.readRequest() {
                let credentials = request.head["Authorization"].first?.split(separator: " ").last.map(String.init) ?? ""
                let (step, name) = (credentials.prefix(5), String(credentials.dropFirst(6)))
                if step == "type1" {
                    begun = name
                    connection.respond("401 Unauthorized", ["WWW-Authenticate: NTLM challenge"], body: "")
                } else if step == "type3", begun == name {
                    if closesAfterLogin { return }
                    user = name
                }
                if step == "type1" { continue }
                if let user {
                    connection.respond(body: user)
                } else {
                    connection.respond("401 Unauthorized", ["WWW-Authenticate: Negotiate, NTLM"], body: "nobody")
                }
            }
        }
    }

    private func logIn(_ client: ScriptedClient, as user: String, at origin: FakeOrigin) throws {
        let challenge = try client.get(origin.url(), ["Authorization: NTLM type1:\(user)"])
        #expect(challenge.status == 401)
        #expect(challenge.head["Proxy-Support"] == ["Session-Based-Authentication"])
        let answer = try client.get(origin.url(), ["Authorization: NTLM type3:\(user)"])
        #expect(answer.status == 200)
        #expect(text(answer.body) == user)
    }

    @Test("what one client logged in, no other client is sent on")
    func noLeak() throws {
        let origin = try binding()
        let proxy = try RunningProxy()
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        #expect(try a.get(origin.url()).status == 401)
        try logIn(a, as: "anna", at: origin)
        for _ in 0..<3 {
            #expect(try b.get(origin.url()).status == 401)
            #expect(text(try a.get(origin.url()).body) == "anna")
        }
        try logIn(b, as: "bert", at: origin)
        #expect(text(try a.get(origin.url()).body) == "anna")
        #expect(text(try b.get(origin.url()).body) == "bert")
        #expect(origin.record.connections.count == 2)
    }

    @Test("a login stays on its connection while others come and go")
    func othersBetween() throws {
        let origin = try binding()
        let proxy = try RunningProxy("settings: { max_connections: 2 }")
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        #expect(try a.get(origin.url(), ["Authorization: NTLM type1:anna"]).status == 401)
        #expect(try b.get(origin.url()).status == 401)
        #expect(try b.get(origin.url()).status == 401)
        #expect(text(try a.get(origin.url(), ["Authorization: NTLM type3:anna"]).body) == "anna")
        #expect(try b.get(origin.url()).status == 401)
    }

    @Test("it ends with its client, and is counted")
    func endsWithClient() throws {
        let origin = try binding()
        let proxy = try RunningProxy(state: try StateFolder())
        let a = try ScriptedClient(proxy)
        try logIn(a, as: "anna", at: origin)
        let listed = try proxy.connctl("conns", origin.url())
        #expect(listed.output.contains("pinned, client 1"), "\(listed)")
        let metrics = try proxy.curl("GET", "/metrics").body
        #expect(metrics.contains("connd_connections_pinned_total{origin=\"http://\(origin.authority)\"} 1"))
        #expect(metrics.contains("{origin=\"http://\(origin.authority)\",state=\"pinned\"} 1"))
        a.close()
        try origin.waitToSee("its connection end") { $0.openCount == 0 }
        try proxy.waitForTotals("the close") { $0["upstream_closed.pinned"] == 1 }
    }

    @Test("requests that a logged-in client pipelines go there one after the other")
    func pipelined() throws {
        let origin = try binding()
        let proxy = try RunningProxy("settings: { pipelining: idempotent }")
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try logIn(a, as: "anna", at: origin)
        for number in 0..<5 {
            try a.send("GET", origin.url("/\(number)"))
            try b.send("GET", origin.url("/b\(number)"))
        }
        for _ in 0..<5 {
            #expect(text(try a.response().body) == "anna")
            #expect(try b.response().status == 401)
        }
    }

    @Test("pipelined requests run at once until one of them is answered with such a challenge")
    func pipelinedBefore() throws {
        let origin = try binding()
        let proxy = try RunningProxy()
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        for number in 0..<4 { try a.send("GET", origin.url("/\(number)")) }
        for _ in 0..<4 { #expect(try a.response().status == 401) }
        try logIn(a, as: "anna", at: origin)
        #expect(text(try a.get(origin.url()).body) == "anna")
        #expect(try b.get(origin.url()).status == 401)
    }

    @Test("a login that loses its connection is not gone on with on another")
    func lostLogin() throws {
        let origin = try binding(closesAfterLogin: true)
        let proxy = try RunningProxy()
        let a = try ScriptedClient(proxy)
        #expect(try a.get(origin.url(), ["Authorization: NTLM type1:anna"]).status == 401)
        try a.get(origin.url(), ["Authorization: NTLM type3:anna"]).expectErrorAnswer(502, "connection_terminated")
        #expect(try proxy.totals()["retries.outcome.refused_pinned"] == 1)
        #expect(origin.record.connections.count == 1)
        #expect(try a.get(origin.url()).status == 401)
    }

    @Test("a challenge that nobody has answered does not stand in the way of a retry")
    func retried() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if connection.number == 0, request.target == "/second" { return }
                connection.respond("401 Unauthorized", ["WWW-Authenticate: NTLM"], body: "")
            }
        }
        let proxy = try RunningProxy()
        let a = try ScriptedClient(proxy)
        #expect(try a.get(origin.url("/first")).status == 401)
        #expect(try a.get(origin.url("/second"), ["Authorization: NTLM type1:anna"]).status == 401)
        #expect(origin.record.requests.map(\.connection) == [0, 0, 1])
    }

    @Test("a drain between the steps of a login lets it end")
    func drainedLogin() throws {
        let origin = try binding()
        let proxy = try RunningProxy(state: try StateFolder())
        let a = try ScriptedClient(proxy)
        #expect(try a.get(origin.url(), ["Authorization: NTLM type1:anna"]).status == 401)
        #expect(try proxy.connctl("drain", origin.url()).exitCode == 0)
        #expect(text(try a.get(origin.url(), ["Authorization: NTLM type3:anna"]).body) == "anna")
        #expect(try a.get(origin.url()).status == 401)
        #expect(origin.record.connections.count == 2)
    }

    @Test("what is kept for a client that says no more makes room for those that wait")
    func givesWay() throws {
        let origin = try binding()
        let proxy = try RunningProxy("settings: { max_connections: 1 }")
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        #expect(try a.get(origin.url()).status == 401)
        #expect(try b.get(origin.url()).status == 401)
        #expect(try proxy.totals()["upstream_closed.pool_shrink"] == 1)
    }

    @Test("after a drain its client is nobody again, and so is everyone else")
    func drained() throws {
        let origin = try binding()
        let proxy = try RunningProxy(state: try StateFolder())
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try logIn(a, as: "anna", at: origin)
        #expect(try proxy.connctl("drain", origin.url()).exitCode == 0)
        #expect(try b.get(origin.url()).status == 401)
        #expect(try a.get(origin.url()).status == 401)
        try logIn(a, as: "anna", at: origin)
        #expect(try b.get(origin.url()).status == 401)
    }

    @Test("a challenge of a proxy before the origin binds the connection too")
    func upstreamProxy() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.respond("407 Proxy Authentication Required", ["Proxy-Authenticate: NTLM"], body: "")
            }
        }
        let proxy = try RunningProxy()
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        for _ in 0..<2 {
            #expect(try a.get(origin.url("/a")).status == 407)
            #expect(try b.get(origin.url("/b")).status == 407)
        }
        let requests = origin.record.requests
        #expect(Set(requests.filter { $0.target == "/a" }.map(\.connection)).count == 1)
        #expect(Set(requests.map(\.connection)).count == 2)
    }

    @Test("authentication of each request leaves connections shared", arguments: ["Basic dTpw", "Bearer ntlm"])
    func others(credentials: String) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        #expect(try ScriptedClient(proxy).get(origin.url(), ["Authorization: \(credentials)"]).status == 200)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        #expect(origin.record.connections.count == 1)
    }

    @Test("what curl logs in at Apache by NTLM is curl's alone")
    func apache() throws {
        let apache = try ApacheServer(users: ["anna": "a", "bert": "b"])
        let proxy = try RunningProxy()
        for (user, password) in [("anna", "a"), ("bert", "b")] {
            let run = try Subprocess.run(
                "curl",
                [
                    "-sS", "-i", "--max-time", "30", "-x", proxy.url, "--negotiate", "-u", ":", apache.url(),
                    apache.url(),
                ],
                environment: ["NTLM_USER_FILE": try apache.credentials(of: user, password: password)])
            let lines = run.output.split(whereSeparator: \.isNewline)
            #expect(
                lines.filter { $0.hasPrefix("HTTP/1.1 ") }.map { $0.dropFirst(9).prefix(3) } == ["401", "200", "200"])
            #expect(lines.filter { $0.hasPrefix("X-User: DOM") } == ["X-User: DOM\\\(user)", "X-User: DOM\\\(user)"])
            #expect(try ScriptedClient(proxy).get(apache.url()).status == 401)
        }
    }
}
