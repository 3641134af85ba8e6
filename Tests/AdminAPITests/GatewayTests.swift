import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("Gateways over the API")
struct GatewayTests {
    private static func decode<Model: Decodable>(_ type: Model.Type, _ answer: PlainClient.Answer) throws -> Model {
        try JSONDecoder().decode(type, from: Data(answer.body.utf8))
    }

    @Test("they are listed and read with the tag of their revision")
    func reading() async throws {
        try await Fixture.run { fixture in
            let list = try await fixture.ask("GET", "/v1/gateways")
            #expect(list.status == 200 && list["etag"] == "\"r1\"")
            let page = try Self.decode(Page<GatewayReport>.self, list)
            #expect(page.items.map(\.name) == ["stripe"] && page.total == 1)
            #expect(page.items.first?.unopened.map(\.address) == ["unix:/run/g.sock"])
            #expect(try await fixture.ask("GET", "/v1/gateways/stripe", [("If-None-Match", "\"r1\"")]).status == 304)
            #expect(try await fixture.ask("GET", "/v1/gateways/none").status == 404)
        }
    }

    @Test("one is set and removed, with actor and reason, over the right tag only")
    func changing() async throws {
        try await Fixture.run { fixture in
            let body = #"{"origin":"https://api.openai.com","listen":["127.0.0.1:1"],"reason":"why"}"#
            let target = "/v1/gateways/openai"
            let stale = try await fixture.change("PUT", target, [("If-Match", "\"r9\"")], body: body)
            #expect(stale.status == 412)
            let put = try await fixture.change("PUT", target, [("If-Match", "\"r8\", \"r1\"")], body: body)
            #expect(put.status == 200 && put["etag"] == "\"r2\"")
            #expect(try Self.decode(GatewayReport.self, put).origin == "https://api.openai.com")
            #expect(try await fixture.change("PUT", target, body: #"{"origin":"https://b"}"#).status == 200)
            let removed = try await fixture.change("DELETE", "\(target)?reason=gone", [("If-Match", "\"r3\"")])
            #expect(removed.status == 200 && removed["etag"] == "\"r4\"")
            #expect(try Self.decode(Page<GatewayReport>.self, removed).items.map(\.name) == ["stripe"])
            #expect(
                fixture.backend.changes == [
                    .init(what: "put openai https://api.openai.com [\"127.0.0.1:1\"]", actor: "token", reason: "why"),
                    .init(what: "put openai https://b []", actor: "token", reason: nil),
                    .init(what: "remove openai", actor: "token", reason: "gone"),
                ])
            #expect(
                try await fixture.ask("PUT", target, [("Content-Type", "application/json")], body: body).status == 401)
        }
    }

    @Test(
        "a body that is wrong is told where",
        arguments: [
            ("{}", ["/origin"]), (#"{"origin":1,"listen":"x"}"#, ["/origin", "/listen"]),
            (#"{"origin":"https://a","listne":[]}"#, ["/listne"]),
            (#"{"origin":"https://a","listen":[1],"preserve_host":"yes"}"#, ["/listen/0", "/preserve_host"]),
            (#"{"origin":"https://a","cookie_secure":true,"socket_mode":660}"#, ["/cookie_secure", "/socket_mode"]),
            (#"{"origin":"https://a","allow_hosts":[1]}"#, ["/allow_hosts/0"]),
        ])
    func wrong(body: String, pointers: [String]) async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.change("PUT", "/v1/gateways/a", body: body)
            #expect(answer.status == 422)
            #expect(try Self.decode(Problem.self, answer).errors?.map(\.pointer) == pointers)
            #expect(fixture.backend.changes.isEmpty)
        }
    }
}
