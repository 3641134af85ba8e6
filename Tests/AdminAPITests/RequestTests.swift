import AdminModels
import Foundation
import Testing

/// A request, and what is said against it.
struct Wrong: Sendable, CustomTestStringConvertible {
    var method = "GET"
    let target: String
    var fields: [(String, String)] = []
    var body: String?
    var host: String? = "127.0.0.1"
    let status: Int
    /// Pointers of the fields that are named.
    var pointers: [String] = []
    var says: String?

    var testDescription: String { "\(method) \(target) \(body ?? "")" }
}

@Suite("Wrong requests are answered with the problem")
struct RequestTests {
    private static func decode(_ answer: PlainClient.Answer) throws -> Problem {
        try JSONDecoder().decode(Problem.self, from: Data(answer.body.utf8))
    }

    private func check(_ answer: PlainClient.Answer, _ wrong: Wrong) throws {
        #expect(answer.status == wrong.status)
        #expect(answer["content-type"] == "application/problem+json")
        #expect(answer["cache-control"] == "no-store")
        #expect(answer["x-content-type-options"] == "nosniff")
        #expect(answer["access-control-allow-origin"] == nil)
        let problem = try Self.decode(answer)
        #expect(problem.status == wrong.status)
        #expect((problem.errors ?? []).map(\.pointer) == wrong.pointers)
        #expect(!problem.detail.isEmpty)
        if let says = wrong.says { #expect(problem.detail.contains(says)) }
    }

    @Test(
        "reading",
        arguments: [
            Wrong(target: "/v1/orgins", status: 404, says: "did you mean /v1/origins?"),
            Wrong(target: "/v1/origins/http%3A%2F%2Fnone", status: 404, says: "there is no origin http://none"),
            Wrong(target: "/v1/origins/%zz", status: 400, says: "{origin}"),
            Wrong(target: "/v1/origins/%ff", status: 400), Wrong(target: "/v1/connections/1", status: 404),
            Wrong(target: "/v1/connections/x", status: 422, pointers: ["{number}"]),
            Wrong(target: "/v1/connections/99999999999999999999", status: 422, pointers: ["{number}"]),
            Wrong(target: "/v1/origins?limt=3", status: 422, pointers: ["?limt"], says: "did you mean `limit`?"),
            Wrong(
                target: "/v1/origins?limit=0&sort=zzz&limit=3", status: 422, pointers: ["?limit", "?sort", "?limit"]),
            Wrong(target: "/v1/origins?limit=1001", status: 422, pointers: ["?limit"]),
            Wrong(target: "/v1/origins?limit=1e2", status: 422, pointers: ["?limit"]),
            Wrong(target: "/v1/origins?ascending=yes", status: 422, pointers: ["?ascending"]),
            Wrong(target: "/v1/origins?filter=", status: 422, pointers: ["?filter"]),
            Wrong(target: "/v1/origins?filter=%00", status: 422, pointers: ["?filter"]),
            Wrong(target: "/v1/origins?filter=%ff", status: 422, pointers: ["?"]),
            Wrong(target: "/v1/origins?cursor=junk", status: 422, pointers: ["?cursor"]),
            Wrong(target: "/v1/status?x=1", status: 422, pointers: ["?x"]),
            Wrong(target: "/v1/history?from=yesterday", status: 422, pointers: ["?from"]),
            Wrong(target: "/v1/history?points=2001", status: 422, pointers: ["?points"]),
            Wrong(target: "/v1/history?from=5000&to=5000", status: 422, pointers: ["?from"]),
            Wrong(target: "/v1/connections?state=sleeping", status: 422, pointers: ["?state"]),
            Wrong(target: "/v1/settings/a%20b", status: 422, pointers: ["{pattern}"]),
            Wrong(target: "/v1/events", fields: [("Last-Event-ID", "x")], status: 422, pointers: ["Last-Event-ID"]),
            Wrong(method: "PUT", target: "/v1/status", status: 405, says: "GET, HEAD, OPTIONS"),
            Wrong(method: "POST", target: "/metrics", status: 405),
            Wrong(method: "PROPFIND", target: "/v1/status", status: 405),
            Wrong(target: "/v1/status", host: nil, status: 400, says: "no Host"),
            Wrong(target: "/v1/status", host: "", status: 400, says: "no Host"),
            Wrong(target: "/v1/status", fields: [("Host", "localhost")], status: 400, says: "several Host"),
            Wrong(target: "/v1/status", host: "evil.example", status: 421),
            Wrong(target: "/", host: "127.evil.com", status: 421),
            Wrong(target: "/", host: "localhost:x", status: 421),
            Wrong(target: "/", host: "127.0.0.1.evil.com", status: 421),
            Wrong(target: "/v1/status", fields: [("Origin", "http://evil.example")], status: 403),
            Wrong(target: "/v1/status", fields: [("Origin", "null")], status: 403),
            Wrong(target: "/v1/status", fields: [("Origin", "https://127.0.0.1")], status: 403),
            Wrong(target: "/v1/events", fields: [("Origin", "http://127.0.0.1:1")], status: 403),
            Wrong(target: "http://example.com/", host: "example.com", status: 400, says: "not its proxy"),
            Wrong(
                method: "CONNECT", target: "example.com:443", host: "example.com", status: 400, says: "not its proxy"),
        ])
    func reading(wrong: Wrong) async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask(
                wrong.method, wrong.target, wrong.fields, body: wrong.body, host: wrong.host)
            try check(answer, wrong)
        }
    }

    private static let patch = "/v1/settings/%2A"

    @Test(
        "changing",
        arguments: [
            Wrong(method: "PATCH", target: patch, body: "", status: 400, says: "empty"),
            Wrong(method: "PATCH", target: patch, body: "{\n\"settings\": }", status: 400, says: "line 2, column 13"),
            Wrong(
                method: "PATCH", target: patch, body: #"{"settings":{"a":1,"a":2}}"#, status: 400,
                says: "`a` is given twice"),
            Wrong(method: "PATCH", target: patch, body: "[]", status: 422, pointers: [""]),
            Wrong(method: "PATCH", target: patch, body: "{}", status: 422, pointers: ["/settings"]),
            Wrong(method: "PATCH", target: patch, body: #"{"settings":{}}"#, status: 422, pointers: ["/settings"]),
            Wrong(
                method: "PATCH", target: patch,
                body: #"{"settings":{"max_connections":1.5,"b":{},"c":[1]},"resaon":"x","try_for":7}"#,
                status: 422,
                pointers: ["/resaon", "/try_for", "/settings/max_connections", "/settings/b", "/settings/c/0"]),
            Wrong(
                method: "PATCH", target: patch, body: #"{"settings":{"no":1}}"#, status: 422, pointers: ["/settings/no"]
            ),
            Wrong(
                method: "PATCH", target: patch, body: #"{"settings":{"max_connections":0}}"#, status: 422,
                pointers: ["/settings/max_connections"]),
            Wrong(
                method: "PATCH", target: patch, body: #"{"settings":{"a/b~":{}}}"#, status: 422,
                pointers: ["/settings/a~1b~0"]),
            Wrong(
                method: "PATCH", target: patch, body: #"{"settings":{"max_connections":1},"reason":"\u0007"}"#,
                status: 422, pointers: ["/reason"]),
            Wrong(
                method: "PATCH", target: patch, fields: [("If-Match", "\"r999\"")],
                body: #"{"settings":{"max_connections":2}}"#, status: 412),
            Wrong(
                method: "PATCH", target: patch, fields: [("If-Match", "\"x\"")],
                body: #"{"settings":{"max_connections":2}}"#, status: 412),
            Wrong(
                method: "PATCH", target: patch, fields: [("If-Match", "W/\"r1\"")],
                body: #"{"settings":{"max_connections":2}}"#, status: 412),
            Wrong(
                method: "PATCH", target: patch, fields: [("If-Match", "r1")],
                body: #"{"settings":{"max_connections":2}}"#, status: 400, says: "If-Match"),
            Wrong(method: "POST", target: "/v1/settings/%2A/revert", status: 409),
            Wrong(
                method: "POST", target: "/v1/settings/%2A/confirm", body: #"{"settings":"all"}"#, status: 422,
                pointers: ["/settings"]),
            Wrong(method: "POST", target: "/v1/actions/explode", status: 422, pointers: ["{action}"]),
            Wrong(
                method: "POST", target: "/v1/actions/prewarm", body: "{}", status: 422, pointers: ["/origin", "/count"]),
            Wrong(
                method: "POST", target: "/v1/actions/prewarm", body: #"{"origin":"http://example.com","count":1001}"#,
                status: 422, pointers: ["/count"]),
            Wrong(
                method: "POST", target: "/v1/actions/drain", body: #"{"count":1}"#, status: 422, pointers: ["/count"]),
            Wrong(method: "POST", target: "/v1/actions/drain", body: #"{"origin":"http://none"}"#, status: 404),
            Wrong(method: "POST", target: "/v1/reload", body: #"{"x":1}"#, status: 422, pointers: [""]),
            Wrong(
                method: "POST", target: "/v1/import?dry_run=1", body: "{}", status: 422, pointers: ["?dry_run"]),
            Wrong(
                method: "POST", target: "/v1/import",
                body: #"{"format":"x","format_version":2,"overrides":[{"pattern":"*","setting":"a","valeu":"1"}]}"#,
                status: 422,
                pointers: ["/format", "/format_version", "/overrides/0/valeu", "/overrides/0/value"]),
            Wrong(method: "DELETE", target: "/v1/connections/7?force=maybe", status: 422, pointers: ["?force"]),
        ])
    func changing(wrong: Wrong) async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.change(wrong.method, wrong.target, wrong.fields, body: wrong.body)
            try check(answer, wrong)
            #expect(fixture.backend.changes.isEmpty)
        }
    }

    @Test(
        "a body must be JSON by its type",
        arguments: [
            nil, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1",
            "application/jsonx",
            "application/json, text/plain",
        ])
    func contentTypes(type: String?) async throws {
        try await Fixture.run { fixture in
            let fields = [("Authorization", "Bearer \(fixture.token)")] + (type.map { [("Content-Type", $0)] } ?? [])
            let answer = try await fixture.ask("POST", "/v1/actions/drain", fields, body: "{}")
            try check(answer, Wrong(target: "", status: 415))
            #expect(fixture.backend.changes.isEmpty)
        }
    }

    @Test("the type's charset may be said, and a change without a body needs no type")
    func charset() async throws {
        try await Fixture.run { fixture in
            let authorization = ("Authorization", "Bearer \(fixture.token)")
            let type = ("Content-Type", "Application/JSON; charset=\"UTF-8\"")
            let drained = try await fixture.ask("POST", "/v1/actions/drain", [authorization, type], body: "{}")
            #expect(drained.status == 200)
            #expect(try await fixture.ask("POST", "/v1/reload", [authorization]).status == 200)
        }
    }

    @Test(
        "a change over TCP without the right token does nothing",
        arguments: [
            nil, "Bearer", "Bearer wrong", "Basic %", "Bearer % %", "%", "Bearer %x", "Bearer %, Bearer %",
        ])
    func tokens(field: String?) async throws {
        try await Fixture.run { fixture in
            let value = field?.replacing("%", with: fixture.token)
            let answer = try await fixture.ask("POST", "/v1/reload", value.map { [("Authorization", $0)] } ?? [])
            try check(answer, Wrong(target: "", status: 401, says: "/token"))
            #expect(answer["www-authenticate"] == "Bearer realm=\"connd\"")
            #expect(fixture.backend.changes.isEmpty)
        }
    }

    @Test(
        "hosts that are ours",
        arguments: ["localhost", "LOCALHOST:3129", "127.0.0.1", "127.9.8.7:1", "[::1]", "[::1]:80", "box.lan:5"])
    func hosts(host: String) async throws {
        try await Fixture.run(allowedHosts: ["box.lan"]) { fixture in
            let answer = try await fixture.ask("GET", "/v1/version", host: host)
            #expect(answer.status == 200)
            #expect(
                try await fixture.ask("GET", "/v1/version", [("Origin", "http://\(host)")], host: host).status == 200)
        }
    }

    @Test("a body over the limit is refused, whether its length is said or not")
    func tooLarge() async throws {
        try await Fixture.run { fixture in
            let large = String(repeating: " ", count: (256 << 10) + 1)
            try check(
                try await fixture.change("PATCH", Self.patch, body: large),
                Wrong(target: "", status: 413, says: "256 KiB"))
            let client = try PlainClient(fixture.tcp)
            try await client.send(
                "PATCH \(Self.patch) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(fixture.token)\r\n"
                    + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "\(String(large.utf8.count, radix: 16))\r\n\(large)\r\n"
            )
            let answer = try await client.answer()
            #expect(answer.status == 413)
            #expect(answer["connection"] == "close")
            #expect(try await fixture.change("POST", "/v1/import", body: large).status == 400)
        }
    }

    @Test(
        "what the backend refuses is a problem of its kind",
        arguments: [
            (AdminRefusal.notFound("a"), 404), (.invalid("a", []), 422), (.conflict("a"), 409), (.stale("a"), 412),
            (.unavailable("a"), 503),
        ])
    func refusals(refusal: AdminRefusal, status: Int) async throws {
        try await Fixture.run { fixture in
            fixture.backend.refuse(with: refusal)
            let answer = try await fixture.change("POST", "/v1/reload")
            try check(answer, Wrong(target: "", status: status, says: "a"))
            #expect((answer["retry-after"] != nil) == (status == 503))
        }
    }
}
