package import AdminModels

/// TLS with clients and origins.
extension AdminClient {
    package func originTLS(_ page: PageRequest) async throws(AdminFailure) -> AdminAnswer<Page<OriginTLSReport>> {
        try await send(Call(path: Paths.tlsOrigins, query: page.parameters))
    }

    package func refusals(_ page: PageRequest) async throws(AdminFailure) -> AdminAnswer<Page<ClientRefusalReport>> {
        try await send(Call(path: Paths.refusals, query: page.parameters))
    }

    /// Nil: of every host.
    package func forgetRefusals(of host: String?, reason: String?) async throws(AdminFailure)
        -> AdminAnswer<ForgottenRefusalsReport>
    {
        try await send(Call(method: "DELETE", path: Paths.refusals, query: [("host", host), ("reason", reason)]))
    }
}
