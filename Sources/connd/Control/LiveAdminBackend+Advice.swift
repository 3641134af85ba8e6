import AdminAPI
import AdminModels
import Advising
import ProxyTypes

/// Advice: listing, looking, accepting, dismissing.
extension LiveAdminBackend {
    func advice(_ query: AdviceQuery) async throws(AdminRefusal) -> Page<AdviceReport> {
        let origin = try narrowed(to: query.origin)
        let records = await adviceControl.book.records.values.filter { record in
            (origin.map { $0 == record.id.origin } ?? true) && (query.state.map { $0 == record.state.name } ?? true)
        }
        // What waits comes first, then the latest.
        let sorted = records.sorted { a, b in
            let (first, second) = (a.state == .waiting ? 0 : 1, b.state == .waiting ? 0 : 1)
            return (first, b.given, a.id.description) < (second, a.given, b.id.description)
        }
        let start = try Self.position(query.page.cursor)
        let items = sorted.dropFirst(start).prefix(query.page.limit).map(AdviceReport.init)
        let next = start + items.count
        return Page(items: items, nextCursor: next < sorted.count ? "\(next)" : nil, total: sorted.count)
    }

    func advice(_ id: String) async throws(AdminRefusal) -> AdviceReport {
        AdviceReport(try await adviceControl.record(try Self.adviceID(id)))
    }

    func lookForAdvice() async -> AdviceLookReport {
        let findings = await adviceControl.look(isAsked: true)
        var report = AdviceLookReport()
        (report.origins, report.new, report.ended) = (findings.origins, findings.new, findings.ended)
        report.waiting = await adviceControl.book.waiting
        return report
    }

    func acceptAdvice(_ id: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceReport {
        let reason = try Self.checked(reason: reason)
        return AdviceReport(try await adviceControl.accept(try Self.adviceID(id), actor: actor, reason: reason))
    }

    func dismissAdvice(_ id: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceReport {
        let reason = try Self.checked(reason: reason)
        return AdviceReport(try await adviceControl.dismiss(try Self.adviceID(id), actor: actor, reason: reason))
    }

    private static func adviceID(_ text: String) throws(AdminRefusal) -> AdviceID {
        guard let id = AdviceID(text) else { throw .notFound("there is no advice `\(text)`: /v1/advice lists it") }
        return id
    }
}
