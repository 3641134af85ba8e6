package import AdminModels

/// Names and the resolver.
extension AdminClient {
    package func dns() async throws(AdminFailure) -> AdminAnswer<DNSReport> { try await send(Call(path: Paths.dns)) }

    package func names(_ page: PageRequest, name: String?) async throws(AdminFailure) -> AdminAnswer<Page<NameReport>> {
        try await send(Call(path: Paths.names, query: page.parameters + [("name", name)]))
    }

    /// Nil: all names.
    package func flushNames(_ name: String?, reason: String?) async throws(AdminFailure)
        -> AdminAnswer<FlushedNamesReport>
    {
        try await send(Call(method: "DELETE", path: Paths.names, query: [("name", name), ("reason", reason)]))
    }

    package func refreshName(_ request: NameRefreshRequest) async throws(AdminFailure)
        -> AdminAnswer<NameRefreshReport>
    {
        try await send(Call(method: "POST", path: Paths.refreshName, body: try body(request)))
    }
}
