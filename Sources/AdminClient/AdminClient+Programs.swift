package import AdminModels

/// The programs behind clients' connections.
extension AdminClient {
    package func programs() async throws(AdminFailure) -> AdminAnswer<ProgramsReport> {
        try await send(Call(path: Paths.programs))
    }
}
