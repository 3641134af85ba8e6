import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("TLS and refusals over the API")
struct TLSTests {
    private static func decode<Model: Decodable>(_ type: Model.Type, _ answer: PlainClient.Answer) throws -> Model {
        try JSONDecoder().decode(type, from: Data(answer.body.utf8))
    }

    @Test("both lists have pages")
    func lists() async throws {
        try await Fixture.run { fixture in
            let origins = try await fixture.ask("GET", "/v1/tls/origins")
            let page = try Self.decode(Page<OriginTLSReport>.self, origins)
            #expect(origins.status == 200 && page.items.map(\.clients.spliced) == [["no_http1": 2]])
            let refusals = try await fixture.ask("GET", "/v1/tls/refusals?limit=1")
            let first = try Self.decode(Page<ClientRefusalReport>.self, refusals)
            #expect(first.items.map(\.program) == ["java"] && first.total == 2)
            #expect(refusals.body.contains(#""spliced_until_ms":2"#), "\(refusals.body)")
            #expect(try await fixture.ask("GET", "/v1/tls/refusals?limit=0").status == 422)
        }
    }

    @Test("refusals are forgotten with the token only, of a host or all, with actor and reason")
    func forget() async throws {
        try await Fixture.run { fixture in
            let one = try await fixture.change("DELETE", "/v1/tls/refusals?host=api.example.com&reason=why")
            #expect(one.status == 200)
            #expect(try Self.decode(ForgottenRefusalsReport.self, one).forgotten == 2)
            #expect(try await fixture.change("DELETE", "/v1/tls/refusals").status == 200)
            #expect(
                fixture.backend.changes == [
                    .init(what: "forget refusals of api.example.com", actor: "token", reason: "why"),
                    .init(what: "forget refusals of all", actor: "token", reason: nil),
                ])
            #expect(try await fixture.ask("DELETE", "/v1/tls/refusals").status == 401)
            #expect(try await fixture.change("DELETE", "/v1/tls/refusals?host=").status == 422)
        }
    }
}
