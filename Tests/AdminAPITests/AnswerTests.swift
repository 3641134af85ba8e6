import AdminAPI
import AdminModels
import Glibc
import Testing

@Suite("Right requests are answered")
struct AnswerTests {
    @Test(
        "every resource that is read, with its type",
        arguments: [
            ("/", "text/plain; charset=utf-8"), ("/v1/status", "application/json"), ("/v1/version", "application/json"),
            ("/v1/origins?limit=1000&sort=last_used&ascending=true&filter=a+b", "application/json"),
            ("/v1/origins/http%3A%2F%2Fexample.com", "application/json"), ("/v1/definitions", "application/json"),
            ("/v1/settings", "application/json"), ("/v1/settings/*", "application/json"),
            ("/v1/diff", "application/json"),
            ("/v1/connections?state=closed&origin=http://example.com", "application/json"),
            ("/v1/connections/7", "application/json"),
            ("/v1/history?from=-1h&to=2099-01-01T00:00:00Z&points=2000", "application/json"),
            ("/v1/exchanges?outcome=slow", "application/json"), ("/v1/exchanges/9", "application/json"),
            ("/v1/audit?subject=*", "application/json"), ("/v1/export", "application/json"),
            ("/v1/config", "application/json"),
            ("/v1/openapi.json", "application/json"), ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
            ("/healthz", "application/json"), ("/readyz", "application/json"),
            ("/proxy.pac", "application/x-ns-proxy-autoconfig"), ("/wpad.dat", "application/x-ns-proxy-autoconfig"),
        ])
    func reads(target: String, type: String) async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask("GET", target)
            #expect(answer.status == 200)
            #expect(answer["content-type"] == type)
            #expect(answer["date"] == "Tue, 14 Nov 2023 22:13:20 GMT")
            #expect(answer["cache-control"] == "no-store")
            #expect(answer["x-content-type-options"] == "nosniff")
            #expect(answer.body.hasSuffix("\n") && !answer.body.hasSuffix("\n\n"))
            let head = try await fixture.ask("HEAD", target)
            #expect(head.status == 200)
            #expect(head["content-length"] == answer["content-length"])
        }
    }

    @Test(
        "OPTIONS names the methods",
        arguments: [
            ("/v1/status", "GET, HEAD, OPTIONS"), ("/v1/settings/x", "GET, PATCH, HEAD, OPTIONS"),
            ("/v1/reload", "POST, OPTIONS"), ("/v1/gateways/x", "GET, PUT, DELETE, HEAD, OPTIONS"),
            ("*", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ])
    func options(target: String, methods: String) async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask("OPTIONS", target)
            #expect(answer.status == 204)
            #expect(answer["allow"] == methods)
            #expect(answer["content-length"] == nil)
        }
    }

    @Test("not ready is 503 with the reasons")
    func unready() async throws {
        try await Fixture.run { fixture in
            fixture.backend.becomeUnready()
            let answer = try await fixture.ask("GET", "/readyz")
            #expect(answer.status == 503)
            #expect(answer["content-type"] == "application/json")
            #expect(answer.body == #"{"status":"failing","reasons":["the database is full"]}"# + "\n")
        }
    }

    @Test("a change reaches the backend with its actor and reason, and answers with the new tag")
    func changes() async throws {
        try await Fixture.run { fixture in
            let patched = try await fixture.change(
                "PATCH", "/v1/settings/*.example.com", body: #"{"settings":{"max_connections":2},"reason":"why"}"#)
            #expect(patched.status == 200)
            #expect(patched["etag"] == "\"r2\"")
            #expect(try await fixture.change("DELETE", "/v1/origins/http%3A%2F%2Fexample.com?reason=a+b").status == 204)
            #expect(try await fixture.change("DELETE", "/v1/connections/7?force=true").status == 200)
            let warmed = #"{"origin":"http://example.com","count":3}"#
            #expect(try await fixture.change("POST", "/v1/actions/prewarm", body: warmed).status == 200)
            let document = #"{"format":"connd-settings","format_version":1,"overrides":[]}"#
            let imported = try await fixture.change("POST", "/v1/import?replace=true&reason=r", body: document)
            #expect(imported.status == 200)
            #expect(imported["etag"] == "\"r2\"")
            #expect(try await fixture.change("POST", "/v1/import?dry_run=true", body: document).status == 200)
            #expect(
                fixture.backend.changes == [
                    .init(what: "patch *.example.com", actor: "token", reason: "why"),
                    .init(what: "forget http://example.com", actor: "token", reason: "a b"),
                    .init(what: "close 7 by force", actor: "token"),
                    .init(what: "prewarm http://example.com 3", actor: "token"),
                    .init(what: "import 0 in place", actor: "token", reason: "r"),
                ])
        }
    }

    @Test("a backup comes whole, of its length, and only to those who may change something")
    func backup() async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.change("POST", "/v1/backup")
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "application/vnd.sqlite3")
            #expect(answer["content-length"] == "\(FakeBackend.backup.count)")
            #expect(Array(answer.body.utf8) == FakeBackend.backup)
            #expect(try await fixture.ask("POST", "/v1/backup").status == 401)
            #expect(try await fixture.ask("GET", "/v1/backup").status == 405)
            fixture.backend.refuse(with: .unavailable("no room"))
            #expect(try await fixture.change("POST", "/v1/backup").status == 503)
        }
    }

    @Test("what export writes, import takes")
    func exportImport() async throws {
        try await Fixture.run { fixture in
            let document = try await fixture.ask("GET", "/v1/export").body
            #expect(try await fixture.change("POST", "/v1/import", body: document).status == 200)
        }
    }

    @Test("a settings resource that is still the same is 304")
    func notModified() async throws {
        try await Fixture.run { fixture in
            for target in ["/v1/settings", "/v1/settings/*"] {
                #expect(try await fixture.ask("GET", target)["etag"] == "\"r1\"")
                for tag in ["\"r1\"", "W/\"r1\"", "*", "\"x\", \"r1\""] {
                    let answer = try await fixture.ask("GET", target, [("If-None-Match", tag)])
                    #expect(answer.status == 304)
                    #expect(answer["etag"] == "\"r1\"")
                    #expect(answer["content-length"] == nil)
                }
                #expect(try await fixture.ask("GET", target, [("If-None-Match", "\"r2\"")]).status == 200)
            }
        }
    }

    @Test("a change over the right tag is made, among several too", arguments: ["\"r1\"", "\"r5\", \"r1\"", "*"])
    func matches(tag: String) async throws {
        try await Fixture.run { fixture in
            let body = #"{"settings":{"max_connections":2}}"#
            let first = try await fixture.change("PATCH", "/v1/settings/*", [("If-Match", tag)], body: body)
            #expect(first.status == 200)
            let second = try await fixture.change("PATCH", "/v1/settings/*", [("If-Match", "\"r1\"")], body: body)
            #expect(second.status == 412)
            #expect(fixture.backend.changes.count == 1)
        }
    }

    @Test("over the Unix socket the peer's uid is the actor, whatever the Host and without a token")
    func peers() async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask("POST", "/v1/reload", host: "d", over: fixture.unix)
            #expect(answer.status == 200)
            #expect(fixture.backend.changes == [.init(what: "reload", actor: "uid:\(geteuid())")])
        }
    }
}
