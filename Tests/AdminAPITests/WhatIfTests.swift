import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("What-if over the API")
struct WhatIfTests {
    @Test("the settings of the query reach the backend, and the report has names in the API's manner")
    func report() async throws {
        try await Fixture.run { fixture in
            let path = "/v1/origins/http%3A%2F%2Fexample.com/whatif"
            let answer = try await fixture.ask("GET", path + "?idle_timeout=60s&max_connections=8")
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(WhatIfReport.self, from: Data(answer.body.utf8))
            #expect(report.settings.map(\.name) == ["idle_timeout", "max_connections"])
            #expect(report.settings.map(\.asked) == ["60s", "8"] && report.asked.reuseRatio == 0.98)
            #expect(answer.body.contains(#""dials_per_hour":0"#) && answer.body.contains(#""predicted_dials":0"#))
            #expect(try await fixture.ask("GET", path).status == 200)
            #expect(try await fixture.ask("GET", path + "?max_queue=3").status == 422)
            #expect(try await fixture.ask("POST", path).status == 405)
            #expect(try await fixture.ask("GET", "/v1/origins/http%3A%2F%2Fb.example/whatif").status == 404)
        }
    }
}
