import AdminAPI
import AdminModels
import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Tuning
import Upstream

/// TLS on both sides, and the clients that refuse connd's certificates.
extension LiveAdminBackend {
    func originTLS(_ page: PageRequest) async throws(AdminRefusal) -> Page<OriginTLSReport> {
        await recorder.refresh()
        let layers = shared.current
        let found = await recorder.origins.values.compactMap { entry -> (OriginEntry, isOn: Bool)? in
            let origin = entry.snapshot.origin
            let isOn = origin.scheme == .https && layers.effective(for: origin).intercept
            return isOn || entry.snapshot.statistics.concernsTLS ? (entry, isOn) : nil
        }
        let sorted = found.sorted { $0.0.name < $1.0.name }
        return try Self.page(sorted, page) { entry, isOn in
            var report = OriginTLSReport()
            report.origin = entry.name
            report.intercept = isOn
            report.clients = InterceptionReport(entry.snapshot.statistics.intercept)
            report.upstream = TLSHandshakesReport(entry.snapshot.statistics.tls, entry.snapshot.gauges)
            return report
        }
    }

    func refusals(_ page: PageRequest) async throws(AdminRefusal) -> Page<ClientRefusalReport> {
        // Sorted here: there may be thousands.
        let (refusals, now) = await mailbox.run { ($0.refusals, $0.upstream.now) }
        return try Self.page(refusals.entries(now: now), page) { ClientRefusalReport($0) }
    }

    func forgetRefusals(
        of host: String?, actor: AdminActor, reason: String?
    ) async throws(AdminRefusal) -> ForgottenRefusalsReport {
        let reason = try Self.checked(reason: reason)
        let wanted: OriginHost?
        do {
            wanted = try host.map { try OriginHost(parsing: $0) }
        } catch {
            let text = "must be a host without scheme and port, such as api.example.com"
            throw .invalid("the query is invalid", [FieldProblem(pointer: "?host", detail: text)])
        }
        var report = ForgottenRefusalsReport()
        report.forgotten = await mailbox.run { $0.refusals.forget(wanted, now: $0.upstream.now) }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .refusalsForgotten,
                subject: wanted?.description ?? AuditEntry.everything, reason: reason))
        return report
    }

    static func page<Element, Item>(
        _ all: [Element], _ request: PageRequest, _ make: (Element) -> Item
    ) throws(AdminRefusal) -> Page<Item> {
        let (items, next) = try slice(all, request)
        return Page(items: items.map(make), nextCursor: next, total: all.count)
    }

    static func slice<Element>(
        _ all: [Element], _ request: PageRequest
    ) throws(AdminRefusal) -> (items: ArraySlice<Element>, nextCursor: String?) {
        let start = try position(request.cursor)
        let items = all.dropFirst(start).prefix(request.limit)
        let next = start + items.count
        return (items, next < all.count ? "\(next)" : nil)
    }
}
