import AdminModels
import Foundation
import Testing

@testable import AdminAPI

@Suite("Examinations of origins over the API")
struct DoctorTests {
    private static let path = "/v1/origins/http%3A%2F%2Fexample.com/doctor"

    @Test("one is begun, shown and stopped, and the reasons reach the audit trail")
    func life() async throws {
        try await Fixture.run { fixture in
            let begun = try await fixture.change(
                "POST", Self.path, body: #"{"path":"/health","wait":"5s","reason":"new"}"#)
            #expect(begun.status == 202, "\(begun.body)")
            let report = try JSONDecoder().decode(DoctorReport.self, from: Data(begun.body.utf8))
            #expect(report.state == "running" && report.findings.map(\.verdict) == ["closes"])
            let shown = try await fixture.ask("GET", Self.path)
            #expect(shown.status == 200 && shown.body.contains(#""value_ms":5004"#), "\(shown.body)")
            let stopped = try await fixture.change("DELETE", Self.path + "?reason=enough")
            #expect(stopped.status == 200)
            #expect(
                fixture.backend.changes.map(\.what) == [
                    "doctor http://example.com /health 5s", "stop doctor http://example.com",
                ])
            #expect(fixture.backend.changes.map(\.reason) == ["new", "enough"])
        }
    }

    @Test("an empty body begins one as usual, and an unknown member is refused")
    func bodies() async throws {
        try await Fixture.run { fixture in
            let usual = try await fixture.change("POST", Self.path)
            #expect(usual.status == 202)
            let unknown = try await fixture.change("POST", Self.path, body: #"{"waiting":"5s"}"#)
            #expect(unknown.status == 422)
            let other = try await fixture.ask("GET", "/v1/origins/http%3A%2F%2Fother.example/doctor")
            #expect(other.status == 404)
        }
    }
}
