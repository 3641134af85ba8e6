package import AdminModels

/// Who makes a change: `uid:1000` or `token`. Value.
package struct AdminActor: Hashable, Sendable {
    package let name: String

    package init(name: String) {
        self.name = name
    }
}

/// Bytes that are read piece by piece while they are sent. Value.
package struct AdminBytes: Sendable {
    package let count: Int
    /// Reads up to a number of bytes from an offset; empty at the end.
    package let read: @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]

    package init(count: Int, read: @escaping @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]) {
        self.count = count
        self.read = read
    }
}

/// What the admin API needs from the daemon, in the API's terms. Shared; every method may be called at any time.
package protocol AdminBackend: Sendable {
    func status() async -> StatusReport
    func version() -> VersionReport
    func health() async -> HealthReport
    func readiness() async -> HealthReport
    /// Prometheus text.
    func metrics() async -> String

    func origins(_ query: OriginQuery) async throws(AdminRefusal) -> Page<OriginSummary>
    func origin(_ name: String) async throws(AdminRefusal) -> OriginDetail
    func forget(_ name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal)
    /// Only what was learned of its idle limit.
    func forgetLearned(_ name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal)
    /// Begins an examination of the origin.
    func examine(_ name: String, _ request: DoctorRequest, actor: AdminActor) async throws(AdminRefusal) -> DoctorReport
    /// The one that is under way, or else the last one.
    func examination(of name: String) async throws(AdminRefusal) -> DoctorReport
    func stopExamination(of name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> DoctorReport

    /// What its pool would do under other settings.
    func whatIf(_ name: String, _ query: WhatIfQuery) async throws(AdminRefusal) -> WhatIfReport

    var definitions: [SettingDefinitionReport] { get }
    /// The revision is the strong ETag of all settings resources.
    func settings(_ pattern: String) async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func patterns() async -> ([PatternReport], revision: UInt64)
    /// `ifRevision`: any other revision is refused as stale. A change returns its result and the new revision.
    func patch(_ pattern: String, _ patch: SettingsPatch, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func confirm(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func revert(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func differences() async -> [DifferenceReport]

    /// The revision is the strong ETag of all gateways.
    func gateways() async -> ([GatewayReport], revision: UInt64)
    func gateway(_ name: String) async throws(AdminRefusal) -> (GatewayReport, revision: UInt64)
    func putGateway(_ name: String, _ request: GatewayRequest, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (GatewayReport, revision: UInt64)
    func removeGateway(_ name: String, actor: AdminActor, reason: String?, ifRevision: UInt64?)
        async throws(AdminRefusal) -> ([GatewayReport], revision: UInt64)

    /// The resolver, and what it has done.
    func dns() async -> DNSReport
    /// By name; nil: all.
    func names(_ page: PageRequest, name: String?) async throws(AdminRefusal) -> Page<NameReport>
    /// Nil: all names.
    func flushNames(_ name: String?, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> FlushedNamesReport
    func refreshName(_ request: NameRefreshRequest, actor: AdminActor) async throws(AdminRefusal) -> NameRefreshReport

    /// By name.
    func originTLS(_ page: PageRequest) async throws(AdminRefusal) -> Page<OriginTLSReport>
    /// The latest first.
    func refusals(_ page: PageRequest) async throws(AdminRefusal) -> Page<ClientRefusalReport>
    /// Nil: of every host.
    func forgetRefusals(of host: String?, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> ForgottenRefusalsReport
    func authorities() async -> AuthoritiesReport
    func createAuthority(_ request: AuthorityRequest, actor: AdminActor) async throws(AdminRefusal) -> AuthoritiesReport
    /// Makes a second one, which takes over later.
    func rotateAuthority(_ request: RotationRequest, actor: AdminActor) async throws(AdminRefusal) -> AuthoritiesReport
    /// All of them, with their keys.
    func removeAuthorities(actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AuthoritiesReport

    func advice(_ query: AdviceQuery) async throws(AdminRefusal) -> Page<AdviceReport>
    func advice(_ id: String) async throws(AdminRefusal) -> AdviceReport
    /// Looks at the origins now, however little was seen.
    func lookForAdvice() async -> AdviceLookReport
    /// Begins a trial.
    func acceptAdvice(_ id: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceReport
    func dismissAdvice(_ id: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) -> AdviceReport

    /// Counts connections now, unless that was done a moment ago.
    func ports() async throws(AdminRefusal) -> PortsReport
    /// What the programs behind clients' connections have asked for.
    func programs() async -> ProgramsReport

    func connections(_ query: ConnectionQuery) async throws(AdminRefusal) -> Page<ConnectionReport>
    func connection(_ number: UInt64) async throws(AdminRefusal) -> ConnectionReport
    /// A leased connection is closed after its exchange; with `force`, immediately.
    func closeConnection(_ number: UInt64, force: Bool, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> ConnectionReport
    func perform(_ action: ActionRequest.Action, _ request: ActionRequest, actor: AdminActor)
        async throws(AdminRefusal) -> ActionReport

    func history(_ query: HistoryQuery) async throws(AdminRefusal) -> HistoryReport
    func exchanges(_ query: ExchangeQuery) async throws(AdminRefusal) -> Page<ExchangeReport>
    func exchange(_ id: Int64) async throws(AdminRefusal) -> ExchangeReport
    func audit(_ query: AuditQuery) async throws(AdminRefusal) -> Page<AuditReport>
    /// The stored events after `id`, then new ones; nil: only new ones. Ends when connd stops.
    func events(after id: UInt64?) async -> AsyncStream<EventReport>

    func export() async -> SettingsDocument
    func importSettings(
        _ document: SettingsDocument, replace: Bool, dryRun: Bool, actor: AdminActor, reason: String?,
        ifRevision: UInt64?
    ) async throws(AdminRefusal) -> (ImportReport, revision: UInt64)
    /// A copy of the current database.
    func backUp(actor: AdminActor) async throws(AdminRefusal) -> AdminBytes
    func config() async -> ConfigReport
    func reload(actor: AdminActor) async throws(AdminRefusal) -> ReloadReportModel
}
