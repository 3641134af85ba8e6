import AdminAPI
import AdminModels
import Synchronization

/// A daemon that keeps its settings in memory and answers with samples. Shared.
final class FakeBackend: AdminBackend {
    struct Change: Equatable {
        var what: String
        var actor: String
        var reason: String?
    }

    private struct State {
        var revision: UInt64 = 1
        var overrides: [String: [String: String]] = [:]
        var gateways: [String: GatewayReport] = ["stripe": Samples.gateway]
        var changes: [Change] = []
        var refusal: AdminRefusal?
        var isReady = true
        var status = Samples.status
        var holdsReload = false
        var streams: [AsyncStream<EventReport>.Continuation] = []
        var resumedAfter: [UInt64?] = []
    }

    private let state = Mutex(State())
    private let reloadBegan = AsyncStream.makeStream(of: Void.self)
    private let reloadMayEnd = AsyncStream.makeStream(of: Void.self)

    static let origin = "http://example.com"

    var changes: [Change] { state.withLock { $0.changes } }
    var revision: UInt64 { state.withLock { $0.revision } }
    var resumedAfter: [UInt64?] { state.withLock { $0.resumedAfter } }

    func refuse(with refusal: AdminRefusal?) { state.withLock { $0.refusal = refusal } }
    func listen(on listeners: [String]) { state.withLock { $0.status.listeners = listeners } }
    func becomeUnready() { state.withLock { $0.isReady = false } }

    func holdReload() { state.withLock { $0.holdsReload = true } }
    func reloadHeld() async { for await _ in reloadBegan.stream { return } }
    func releaseReload() { reloadMayEnd.continuation.finish() }

    func send(_ event: EventReport) {
        for stream in state.withLock({ $0.streams }) { stream.yield(event) }
    }

    func change(_ what: String, _ actor: AdminActor, _ reason: String?) throws(AdminRefusal) {
        let refusal = state.withLock { state in
            if state.refusal == nil { state.changes.append(Change(what: what, actor: actor.name, reason: reason)) }
            return state.refusal
        }
        if let refusal { throw refusal }
    }

    private func check(_ revision: UInt64?) throws(AdminRefusal) {
        if let revision, revision != self.revision { throw .stale("the settings are at r\(self.revision)") }
    }

    func check(origin: String?) throws(AdminRefusal) {
        if let origin, origin != Self.origin { throw .notFound("there is no origin \(origin)") }
    }

    // MARK: Status

    func status() async -> StatusReport { state.withLock { $0.status } }
    func version() -> VersionReport { Samples.version }
    func health() async -> HealthReport { HealthReport() }

    func readiness() async -> HealthReport {
        var report = HealthReport()
        if !state.withLock({ $0.isReady }) {
            report.status = "failing"
            report.reasons = ["the database is full"]
        }
        return report
    }

    func metrics() async -> String { "# TYPE connd_up gauge\nconnd_up 1\n" }

    // MARK: Origins

    func origins(_ query: OriginQuery) async throws(AdminRefusal) -> Page<OriginSummary> {
        if let cursor = query.page.cursor, cursor != "next" {
            throw .invalid("no such page", [.init(pointer: "?cursor", detail: "is not one that connd gave")])
        }
        return Page(items: [Samples.origin], nextCursor: query.page.cursor == nil ? "next" : nil, total: 2)
    }

    func origin(_ name: String) async throws(AdminRefusal) -> OriginDetail {
        try check(origin: name)
        return Samples.detail
    }

    func forget(_ name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) {
        try check(origin: name)
        try change("forget \(name)", actor, reason)
    }

    func forgetLearned(_ name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) {
        try check(origin: name)
        try change("forget learned \(name)", actor, reason)
    }

    // MARK: Settings

    let definitions = Samples.definitions

    func settings(_ pattern: String) async throws(AdminRefusal) -> (SettingsReport, revision: UInt64) {
        if pattern.contains(" ") {
            throw .invalid("no pattern", [.init(pointer: "{pattern}", detail: "must be a host pattern or an origin")])
        }
        return state.withLock { state in
            var report = SettingsReport()
            report.pattern = pattern
            report.settings = definitions.map { definition in
                var setting = Samples.setting
                setting.name = definition.name
                setting.value = state.overrides[pattern]?[definition.name] ?? definition.standard
                return setting
            }
            return (report, state.revision)
        }
    }

    func patterns() async -> ([PatternReport], revision: UInt64) {
        var report = PatternReport()
        report.settings = [Samples.setting]
        return ([report], revision)
    }

    func patch(_ pattern: String, _ patch: SettingsPatch, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    {
        try check(ifRevision)
        let known = definitions.map(\.name)
        let problems = patch.settings.keys.sorted().filter { !known.contains($0) }.map {
            FieldProblem(pointer: "/settings/\($0)", detail: "no such setting")
        }
        if !problems.isEmpty { throw .invalid("unknown settings", problems) }
        if case .integer(let number)? = patch.settings["max_connections"], number < 1 {
            throw .invalid("out of range", [.init(pointer: "/settings/max_connections", detail: "must be 1 to 10000")])
        }
        try change("patch \(pattern)", actor, patch.reason)
        state.withLock { state in
            for (name, value) in patch.settings {
                state.overrides[pattern, default: [:]][name] = value == .null ? nil : "\(value)"
            }
            state.revision += 1
        }
        return try await settings(pattern)
    }

    func confirm(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    {
        try check(ifRevision)
        try change("confirm \(pattern)", actor, selection.reason)
        return try await settings(pattern)
    }

    func revert(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    {
        try check(ifRevision)
        throw .conflict("nothing is on trial for \(pattern)")
    }

    func differences() async -> [DifferenceReport] { [Samples.difference] }

    // MARK: Names

    func dns() async -> DNSReport { Samples.dns }

    func names(_ page: PageRequest, name: String?) async throws(AdminRefusal) -> Page<NameReport> {
        Page(items: name == nil || name == Samples.name.name ? [Samples.name] : [], total: 1)
    }

    func flushNames(_ name: String?, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> FlushedNamesReport
    {
        try change("flush \(name ?? "all")", actor, reason)
        var report = FlushedNamesReport()
        report.flushed = 1
        return report
    }

    func refreshName(_ request: NameRefreshRequest, actor: AdminActor)
        async throws(AdminRefusal) -> NameRefreshReport
    {
        guard request.name == Samples.name.name else { throw .notFound("`\(request.name)` is not in the cache") }
        try change("refresh \(request.name)", actor, request.reason)
        var report = NameRefreshReport()
        report.lookups = 1
        return report
    }

    // MARK: TLS

    func originTLS(_ page: PageRequest) async throws(AdminRefusal) -> Page<OriginTLSReport> {
        Page(items: [Samples.originTLS], total: 1)
    }

    func ports() async throws(AdminRefusal) -> PortsReport { Samples.ports }
    func programs() async -> ProgramsReport { Samples.programs }

    func refusals(_ page: PageRequest) async throws(AdminRefusal) -> Page<ClientRefusalReport> {
        Page(items: Array([Samples.refusal, Samples.refusal].prefix(page.limit)), total: 2)
    }

    func forgetRefusals(of host: String?, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> ForgottenRefusalsReport
    {
        try change("forget refusals of \(host ?? "all")", actor, reason)
        var report = ForgottenRefusalsReport()
        report.forgotten = 2
        return report
    }

    // MARK: Gateways

    func gateways() async -> ([GatewayReport], revision: UInt64) {
        state.withLock { ($0.gateways.values.sorted { $0.name < $1.name }, $0.revision) }
    }

    func gateway(_ name: String) async throws(AdminRefusal) -> (GatewayReport, revision: UInt64) {
        let (gateway, revision) = state.withLock { ($0.gateways[name], $0.revision) }
        guard let gateway else { throw .notFound("there is no gateway \(name)") }
        return (gateway, revision)
    }

    func putGateway(_ name: String, _ request: GatewayRequest, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (GatewayReport, revision: UInt64)
    {
        try check(ifRevision)
        try change("put \(name) \(request.origin) \(request.listen ?? [])", actor, request.reason)
        state.withLock { state in
            var report = Samples.gateway
            report.name = name
            report.origin = request.origin
            state.gateways[name] = report
            state.revision += 1
        }
        return try await gateway(name)
    }

    func removeGateway(_ name: String, actor: AdminActor, reason: String?, ifRevision: UInt64?)
        async throws(AdminRefusal) -> ([GatewayReport], revision: UInt64)
    {
        try check(ifRevision)
        _ = try await gateway(name)
        try change("remove \(name)", actor, reason)
        state.withLock { state in
            state.gateways[name] = nil
            state.revision += 1
        }
        return await gateways()
    }

    // MARK: Certificate authorities

    func authorities() async -> AuthoritiesReport { Samples.authorities }

    func createAuthority(_ request: AuthorityRequest, actor: AdminActor) async throws(AdminRefusal)
        -> AuthoritiesReport
    {
        try change("create \(request.domains ?? []) \(request.unconstrained ?? false)", actor, request.reason)
        return Samples.authorities
    }

    func rotateAuthority(_ request: RotationRequest, actor: AdminActor) async throws(AdminRefusal)
        -> AuthoritiesReport
    {
        try change("rotate \(request.domains ?? []) \(request.switchAfter ?? "-")", actor, request.reason)
        return Samples.authorities
    }

    func removeAuthorities(actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AuthoritiesReport {
        try change("remove authorities", actor, reason)
        return AuthoritiesReport()
    }

    // MARK: Connections

    func connections(_ query: ConnectionQuery) async throws(AdminRefusal) -> Page<ConnectionReport> {
        try check(origin: query.origin)
        return Page(items: [Samples.connection])
    }

    func connection(_ number: UInt64) async throws(AdminRefusal) -> ConnectionReport {
        guard number == Samples.connection.number else { throw .notFound("there is no connection \(number)") }
        return Samples.connection
    }

    func closeConnection(_ number: UInt64, force: Bool, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> ConnectionReport
    {
        let report = try await connection(number)
        try change("close \(number)\(force ? " by force" : "")", actor, reason)
        return report
    }

    func perform(_ action: ActionRequest.Action, _ request: ActionRequest, actor: AdminActor)
        async throws(AdminRefusal) -> ActionReport
    {
        try check(origin: request.origin)
        try change("\(action) \(request.origin ?? "all") \(request.count ?? 0)", actor, request.reason)
        var report = ActionReport()
        report.action = action.rawValue
        report.origins = 1
        return report
    }

    // MARK: Records

    func history(_ query: HistoryQuery) async throws(AdminRefusal) -> HistoryReport {
        try check(origin: query.origin)
        var report = Samples.history
        report.fromMs = query.from ?? report.fromMs
        report.toMs = query.to ?? report.toMs
        return report
    }

    func exchanges(_ query: ExchangeQuery) async throws(AdminRefusal) -> Page<ExchangeReport> {
        Page(items: [Samples.exchange])
    }

    func exchange(_ id: Int64) async throws(AdminRefusal) -> ExchangeReport {
        guard id == Samples.exchange.id else { throw .notFound("there is no exchange \(id)") }
        return Samples.exchange
    }

    func audit(_ query: AuditQuery) async throws(AdminRefusal) -> Page<AuditReport> { Page(items: [Samples.audit]) }

    func events(after id: UInt64?) async -> AsyncStream<EventReport> {
        let (stream, continuation) = AsyncStream.makeStream(of: EventReport.self)
        state.withLock {
            $0.resumedAfter.append(id)
            $0.streams.append(continuation)
        }
        continuation.yield(Samples.event)
        return stream
    }

    // MARK: Transfer

    static let backup = Array(repeating: UInt8(ascii: "b"), count: 300_000)

    func backUp(actor: AdminActor) async throws(AdminRefusal) -> AdminBytes {
        try change("backup", actor, nil)
        return AdminBytes(count: Self.backup.count) { offset, count in Array(Self.backup[offset...].prefix(count)) }
    }

    func export() async -> SettingsDocument { Samples.document }

    func importSettings(
        _ document: SettingsDocument, replace: Bool, dryRun: Bool, actor: AdminActor, reason: String?,
        ifRevision: UInt64?
    ) async throws(AdminRefusal) -> (ImportReport, revision: UInt64) {
        try check(ifRevision)
        if !dryRun { try change("import \(document.overrides.count)\(replace ? " in place" : "")", actor, reason) }
        var report = ImportReport()
        report.dryRun = dryRun
        report.changes = [Samples.change]
        return (report, revision)
    }

    func config() async -> ConfigReport { Samples.config }

    func reload(actor: AdminActor) async throws(AdminRefusal) -> ReloadReportModel {
        try change("reload", actor, nil)
        if state.withLock({ $0.holdsReload }) {
            reloadBegan.continuation.yield()
            for await _ in reloadMayEnd.stream {}
        }
        var report = ReloadReportModel()
        report.changes = [Samples.change]
        report.needRestart = ["proxy.listen"]
        report.conflicts = [Samples.difference]
        return report
    }
}
