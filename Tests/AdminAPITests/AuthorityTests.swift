import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("Certificate authorities over the API")
struct AuthorityTests {
    @Test("they are read by everyone, and made, replaced and removed with actor and reason")
    func requests() async throws {
        try await Fixture.run { fixture in
            let read = try await fixture.ask("GET", "/v1/ca")
            let report = try JSONDecoder().decode(AuthoritiesReport.self, from: Data(read.body.utf8))
            #expect(read.status == 200 && report.authorities.map(\.serial) == ["0a1b2c3d"])
            let made = try await fixture.change(
                "POST", "/v1/ca", body: #"{"domains":["a.example","b.example"],"reason":"why"}"#)
            #expect(made.status == 201)
            #expect(try await fixture.change("POST", "/v1/ca", body: #"{"unconstrained":true}"#).status == 201)
            #expect(
                try await fixture.change("POST", "/v1/ca/rotate", body: #"{"switch_after":"1h"}"#).status == 200)
            #expect(try await fixture.change("POST", "/v1/ca/rotate").status == 200)
            #expect(try await fixture.change("DELETE", "/v1/ca?reason=gone").status == 200)
            #expect(
                fixture.backend.changes == [
                    .init(what: "create [\"a.example\", \"b.example\"] false", actor: "token", reason: "why"),
                    .init(what: "create [] true", actor: "token", reason: nil),
                    .init(what: "rotate [] 1h", actor: "token", reason: nil),
                    .init(what: "rotate [] -", actor: "token", reason: nil),
                    .init(what: "remove authorities", actor: "token", reason: "gone"),
                ])
        }
    }

    @Test("who has no token changes nothing")
    func unauthorized() async throws {
        try await Fixture.run { fixture in
            for (method, path) in [("POST", "/v1/ca"), ("POST", "/v1/ca/rotate"), ("DELETE", "/v1/ca")] {
                let answer = try await fixture.ask(method, path, [("Content-Type", "application/json")], body: "{}")
                #expect(answer.status == 401, "\(method) \(path)")
            }
            #expect(fixture.backend.changes.isEmpty)
        }
    }

    @Test(
        "a body that is wrong is told where",
        arguments: [
            ("POST /v1/ca", #"{"domain":["a.b"]}"#, ["/domain"]),
            ("POST /v1/ca", #"{"domains":"a.b","unconstrained":1}"#, ["/domains", "/unconstrained"]),
            ("POST /v1/ca/rotate", #"{"domains":[1],"switch_after":24}"#, ["/domains/0", "/switch_after"]),
        ])
    func wrongBodies(target: String, body: String, pointers: [String]) async throws {
        try await Fixture.run { fixture in
            let words = target.split(separator: " ").map(String.init)
            let answer = try await fixture.change(words[0], words[1], body: body)
            let problem = try JSONDecoder().decode(Problem.self, from: Data(answer.body.utf8))
            #expect(answer.status == 422 && problem.errors?.map(\.pointer) == pointers)
        }
    }
}
