package import AdminModels
import ProxyTypes

/// Examinations of origins.
extension AdminClient {
    private func path(_ origin: String) -> String { "\(Paths.origins)/\(PercentEncoding.segment(origin))/doctor" }

    package func examine(_ origin: String, _ request: DoctorRequest) async throws(AdminFailure)
        -> AdminAnswer<DoctorReport>
    {
        try await send(Call(method: "POST", path: path(origin), body: try body(request)))
    }

    package func examination(of origin: String) async throws(AdminFailure) -> AdminAnswer<DoctorReport> {
        try await send(Call(path: path(origin)))
    }

    package func stopExamination(of origin: String, reason: String? = nil) async throws(AdminFailure)
        -> AdminAnswer<DoctorReport>
    {
        try await send(Call(method: "DELETE", path: path(origin), query: [("reason", reason)]))
    }
}
