import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct AdminSecurityTests {
    private let proxy: RunningProxy
    private let folder: ScratchFolder
    private let path = "/v1/settings/\(RunningProxy.segment("http://example.com"))"
    private let edit = #"{"settings": {"max_connections": 2}}"#
    private var socket: String { "\(folder.path)/admin.sock" }

    init() throws {
        folder = try ScratchFolder()
        proxy = try RunningProxy(
            "admin: { socket_mode: \"0666\" }", arguments: ["--admin-listen", "unix:\(folder.path)/admin.sock"],
            state: try StateFolder())
    }

    private func expectUnchanged(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let source = try proxy.setting("max_connections", of: "http://example.com")["source"].text
        #expect(source == "default", sourceLocation: sourceLocation)
    }

    @Test(
        "a change over TCP needs the token, and reading does not",
        arguments: [[], ["Authorization: Bearer wrong"], ["Authorization: Basic Zm9vOmJhcg=="]])
    func token(_ fields: [String]) throws {
        let answer = try proxy.curl("PATCH", path, ["Content-Type: application/json"] + fields, body: edit)
        #expect(answer.status == 401, "\(answer)")
        #expect(answer.isProblem)
        #expect(answer.fields["www-authenticate"]?.hasPrefix("Bearer") == true)
        #expect(try answer.json()["detail"].text?.contains("admin.token") == true, "\(answer)")
        try expectUnchanged()
        let state = try #require(proxy.state)
        let facts = try FileManager.default.attributesOfItem(atPath: "\(state.path)/connd/admin.token")
        #expect((facts[.posixPermissions] as? Int) == 0o600)
    }

    @Test(
        "an event id that no stream gave is refused, and connd lives",
        arguments: ["18446744073709551615", "9223372036854775808", "-1", "x"])
    func eventID(_ id: String) throws {
        #expect(try proxy.curl("GET", "/v1/events", ["Last-Event-ID: \(id)"]).status == 422)
        #expect(try proxy.curl("GET", "/healthz").status == 200)
    }

    @Test("connctl asks connd itself, whatever proxy and login its environment names")
    func environment() throws {
        let state = try #require(proxy.state)
        try Data("default login x password y\n".utf8).write(to: URL(fileURLWithPath: "\(state.path)/.netrc"))
        let elsewhere = ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"]
        let environment = Dictionary(uniqueKeysWithValues: elsewhere.map { ($0, "http://127.0.0.1:1") })
        for arguments in [["status"], ["reload"]] {
            let run = try proxy.connctl(
                arguments, environment: environment.merging(["HOME": state.path, "no_proxy": ""]) { $1 })
            #expect(run.exitCode == 0, "\(run)")
        }
    }

    @Test("a Host that is not ours is answered 421: DNS rebinding", arguments: ["evil.example", "evil.example:3129"])
    func host(_ host: String) throws {
        let read = try proxy.curl("GET", "/v1/status", ["Host: \(host)"])
        #expect(read.status == 421, "\(read)")
        #expect(read.isProblem)
        #expect(try proxy.change("PATCH", path, ["Host: \(host)"], body: edit).status == 421)
        try expectUnchanged()
    }

    @Test("a page of another site is answered 403", arguments: ["http://evil.example", "null", "https://localhost"])
    func origin(_ origin: String) throws {
        let answer = try proxy.change("PATCH", path, ["Origin: \(origin)"], body: edit)
        #expect(answer.status == 403, "\(answer)")
        #expect(answer.isProblem)
        #expect(try proxy.curl("GET", "/v1/status", ["Origin: \(origin)"]).status == 403)
        try expectUnchanged()
    }

    @Test(
        "a body that is not said to be JSON is answered 415",
        arguments: ["text/plain", "application/x-www-form-urlencoded"])
    func contentType(_ type: String) throws {
        let token = "Authorization: Bearer \(try #require(proxy.state).token())"
        let answer = try proxy.curl("PATCH", path, [token, "Content-Type: \(type)"], body: edit)
        #expect(answer.status == 415, "\(answer)")
        #expect(answer.isProblem)
        try expectUnchanged()
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let body: String
        let pointer: String
        let words: String
        var testDescription: String { body }
    }

    @Test(
        "what is wrong with a body is answered 422, with a pointer to it",
        arguments: [
            Wrong(
                body: #"{"settings": {"max_conections": 2}}"#, pointer: "/settings/max_conections",
                words: "max_connections"),
            Wrong(body: #"{"setings": {"max_connections": 2}}"#, pointer: "/setings", words: "settings"),
            Wrong(
                body: #"{"settings": {"max_connections": 0}}"#, pointer: "/settings/max_connections",
                words: "1 to 10000"),
            Wrong(
                body: #"{"settings": {"max_connections": true}}"#, pointer: "/settings/max_connections",
                words: "1 to 10000"),
            Wrong(
                body: #"{"settings": {"idle_timeout": "4 parsecs"}}"#, pointer: "/settings/idle_timeout", words: "100ms"
            ),
            Wrong(body: #"{"settings": {"max_queue": 1}, "try_for": "1y"}"#, pointer: "/try_for", words: "24h"),
            Wrong(body: #"{"settings": {}}"#, pointer: "/settings", words: "at least one"),
        ])
    func fields(_ wrong: Wrong) throws {
        let answer = try proxy.change("PATCH", path, body: wrong.body)
        #expect(answer.status == 422, "\(answer)")
        #expect(answer.isProblem)
        let errors = try answer.json()["errors"].items
        let error = try #require(errors.first { $0["pointer"].text == wrong.pointer }, "\(answer)")
        #expect(error["detail"].text?.contains(wrong.words) == true, "\(error)")
        try expectUnchanged()
    }

    @Test("one wrong field refuses the whole edit")
    func wholeOrNothing() throws {
        let body = #"{"settings": {"max_connections": 2, "max_queue": -1}}"#
        #expect(try proxy.change("PATCH", path, body: body).status == 422)
        try expectUnchanged()
        #expect(try proxy.json("audit")["items"].items.isEmpty)
    }

    @Test("an edit over a state that changed meanwhile is answered 412, and connctl ends with 3")
    func stale() throws {
        let read = try proxy.curl("GET", path)
        let tag = try #require(read.fields["etag"])
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
        #expect(try proxy.curl("GET", path, ["If-None-Match: \(tag)"]).status == 304)
        let first = try proxy.change("PATCH", path, ["If-Match: \(tag)"], body: edit)
        #expect(first.status == 200, "\(first)")
        #expect(first.fields["etag"] != tag)
        let second = try proxy.change(
            "PATCH", path, ["If-Match: \(tag)"], body: #"{"settings": {"max_connections": 3}}"#)
        #expect(second.status == 412, "\(second)")
        #expect(second.isProblem)
        let revision = String(tag.dropFirst().dropLast())
        let run = try proxy.connctl("set", "http://example.com", "max_connections=4", "--if-unchanged", revision)
        #expect(run.exitCode == 3, "\(run)")
        #expect(run.errors.contains("connctl show http://example.com"), "\(run)")
        #expect(try proxy.setting("max_connections", of: "http://example.com")["value"].text == "2")
        let fresh = try #require(first.fields["etag"]).dropFirst().dropLast()
        let again = try proxy.connctl("set", "http://example.com", "max_connections=4", "--if-unchanged", String(fresh))
        #expect(again.exitCode == 0, "\(again)")
    }

    @Test("on the Unix socket the peer's user decides, without a token; its mode is the one that was said")
    func unixSocket() throws {
        var facts = stat()
        #expect(stat(socket, &facts) == 0)
        #expect(facts.st_mode & 0o7777 == 0o666)
        let json = ["Content-Type: application/json"]
        let answer = try proxy.curl("PATCH", path, json, body: edit, socket: socket)
        #expect(answer.status == 200, "\(answer)")
        let connctl = try Subprocess.run(
            try RunningProxy.binary("connctl"),
            ["--admin", "unix:\(socket)", "set", "http://example.com", "max_queue=3", "--reason", "by socket"])
        #expect(connctl.exitCode == 0, "\(connctl)")
        try proxy.connctl("set", "http://example.com", "max_queue=4")
        let trail = try proxy.json("audit")["items"].items
        #expect(trail.map { $0["actor"].text } == ["token", "uid:\(getuid())", "uid:\(getuid())"])
        #expect(trail.map { $0["setting"].text } == ["max_queue", "max_queue", "max_connections"])
        #expect(trail.map { $0["reason"].text } == [nil, "by socket", nil])
    }

    @Test("another user may read on the Unix socket, and change nothing", .enabled(if: getuid() == 0))
    func otherUser() throws {
        let json = ["Content-Type: application/json"]
        #expect(try proxy.curl("GET", "/v1/status", socket: socket, user: 65534).status == 200)
        let answer = try proxy.curl("PATCH", path, json, body: edit, socket: socket, user: 65534)
        #expect(answer.status == 403, "\(answer)")
        #expect(try answer.json()["detail"].text?.contains("65534") == true)
        try expectUnchanged()
    }

    @Test("a token that is replaced in its file holds without a restart")
    func rotated() throws {
        let state = try #require(proxy.state)
        let old = try state.token()
        let fresh = String(repeating: "n", count: 40)
        let file = "\(state.path)/connd/admin.token"
        try fresh.write(toFile: file, atomically: true, encoding: .utf8)
        chmod(file, 0o600)
        let json = "Content-Type: application/json"
        #expect(try proxy.curl("PATCH", path, [json, "Authorization: Bearer \(old)"], body: edit).status == 401)
        #expect(try proxy.curl("PATCH", path, [json, "Authorization: Bearer \(fresh)"], body: edit).status == 200)
    }
}
