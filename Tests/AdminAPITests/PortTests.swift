import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("Local ports over the API")
struct PortTests {
    @Test("the report has every path, with names in the API's manner")
    func report() async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask("GET", "/v1/ports")
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(PortsReport.self, from: Data(answer.body.utf8))
            #expect(report.paths.map(\.destination) == ["192.0.2.7:443"])
            #expect(answer.body.contains(#""exhaustion_ms":180000"#) && answer.body.contains(#""time_wait":"#))
        }
    }
}
