import AdminAPI
import AdminModels

/// One piece of advice, which is a sample.
extension FakeBackend {
    func advice(_ query: AdviceQuery) async throws(AdminRefusal) -> Page<AdviceReport> {
        try check(origin: query.origin)
        return Page(items: query.state ?? "waiting" == Samples.advice.state ? [Samples.advice] : [], total: 1)
    }

    func advice(_ id: String) async throws(AdminRefusal) -> AdviceReport {
        guard id == Samples.advice.id else { throw .notFound("there is no advice `\(id)`") }
        return Samples.advice
    }

    func lookForAdvice() async -> AdviceLookReport {
        var report = AdviceLookReport()
        (report.origins, report.waiting) = (3, 1)
        return report
    }

    func acceptAdvice(_ id: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceReport {
        let report = try await advice(id)
        try change("accept \(id)", actor, reason)
        return report
    }

    func dismissAdvice(_ id: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceReport {
        let report = try await advice(id)
        try change("dismiss \(id)", actor, reason)
        return report
    }
}
