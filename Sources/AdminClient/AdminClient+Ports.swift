package import AdminModels

/// Local ports.
extension AdminClient {
    package func ports() async throws(AdminFailure) -> AdminAnswer<PortsReport> {
        try await send(Call(path: Paths.ports))
    }
}
