import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("Advice over the API")
struct AdviceTests {
    private static let one = "/v1/advice/max_requests_low%40http%3A%2F%2Fexample.com"

    @Test("advice is listed, by state too, and one is found by its name")
    func reading() async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask("GET", "/v1/advice?state=waiting")
            let page = try JSONDecoder().decode(Page<AdviceReport>.self, from: Data(answer.body.utf8))
            #expect(page.items.map(\.id) == ["max_requests_low@http://example.com"])
            #expect(answer.body.contains(#""given_ms":1"#) && answer.body.contains(#""unit":"share""#))
            let none = try await fixture.ask("GET", "/v1/advice?state=trial")
            #expect(none.body.contains(#""items":[]"#))
            #expect(try await fixture.ask("GET", "/v1/advice?state=tried").status == 422)
            #expect(try await fixture.ask("GET", Self.one).status == 200)
            #expect(try await fixture.ask("GET", "/v1/advice/nothing").status == 404)
        }
    }

    @Test("a look, an acceptance and a dismissal are asked for, with a reason or without")
    func changes() async throws {
        try await Fixture.run { fixture in
            let look = try await fixture.change("POST", "/v1/advice")
            #expect(look.body.contains(#""origins":3"#))
            #expect(try await fixture.change("POST", Self.one + "/accept", body: #"{"reason":"why"}"#).status == 200)
            #expect(try await fixture.change("POST", Self.one + "/dismiss").status == 200)
            #expect(try await fixture.change("POST", Self.one + "/dismiss", body: #"{"why":""}"#).status == 422)
            #expect(try await fixture.change("POST", "/v1/advice/nothing/accept").status == 404)
            #expect(
                fixture.backend.changes.map(\.what) == [
                    "accept max_requests_low@http://example.com", "dismiss max_requests_low@http://example.com",
                ])
            #expect(fixture.backend.changes.map(\.reason) == ["why", nil])
        }
    }
}
