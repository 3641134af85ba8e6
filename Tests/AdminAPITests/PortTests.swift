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

@Suite("Programs over the API")
struct ProgramTests {
    @Test("the report has every program with its origins, in the API's manner")
    func report() async throws {
        try await Fixture.run { fixture in
            let answer = try await fixture.ask("GET", "/v1/programs")
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(ProgramsReport.self, from: Data(answer.body.utf8))
            #expect(report.programs.map(\.program) == ["curl"] && report.attribution.found == 7)
            #expect(answer.body.contains(#""connections_per_minute":400"#) && answer.body.contains(#""user_only":0"#))
        }
    }
}
