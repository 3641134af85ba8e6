package import AdminModels

/// Advice on origins.
extension AdminClient {
    package func advice(_ query: AdviceQuery) async throws(AdminFailure) -> AdminAnswer<Page<AdviceReport>> {
        try await send(
            Call(
                path: Paths.advice,
                query: query.page.parameters + [("origin", query.origin), ("state", query.state)]))
    }

    package func advice(_ id: String) async throws(AdminFailure) -> AdminAnswer<AdviceReport> {
        try await send(Call(path: fill(Paths.oneAdvice, id)))
    }

    package func lookForAdvice() async throws(AdminFailure) -> AdminAnswer<AdviceLookReport> {
        try await send(Call(method: "POST", path: Paths.advice))
    }

    package func acceptAdvice(_ id: String, reason: String?) async throws(AdminFailure) -> AdminAnswer<AdviceReport> {
        try await send(
            Call(
                method: "POST", path: fill(Paths.acceptAdvice, id),
                body: try body(AdviceDecisionRequest(reason: reason))))
    }

    package func dismissAdvice(_ id: String, reason: String?) async throws(AdminFailure) -> AdminAnswer<AdviceReport> {
        try await send(
            Call(
                method: "POST", path: fill(Paths.dismissAdvice, id),
                body: try body(AdviceDecisionRequest(reason: reason))))
    }
}
