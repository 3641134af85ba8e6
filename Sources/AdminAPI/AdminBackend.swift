package import AdminModels

/// Who asks for a change: `uid:1000`, or `token`. Value.
package struct AdminActor: Hashable, Sendable {
    package let name: String

    package init(name: String) {
        self.name = name
    }
}

/// Bytes that are read part by part while they are sent. Value.
package struct AdminBytes: Sendable {
    package let count: Int
    /// Up to so many from an offset on; none at the end.
    package let read: @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]

    package init(count: Int, read: @escaping @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]) {
        self.count = count
        self.read = read
    }
}

/// What the admin API needs of the daemon, in the API's own words. Shared; every method may be called at any time.
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

    var definitions: [SettingDefinitionReport] { get }
    /// The revision is the strong ETag of every settings resource.
    func settings(_ pattern: String) async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func patterns() async -> ([PatternReport], revision: UInt64)
    /// `ifRevision`: refused as stale when it is another. A change answers with what it made, and the revision of that.
    func patch(_ pattern: String, _ patch: SettingsPatch, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func confirm(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func revert(_ pattern: String, _ selection: TrialSelection, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (SettingsReport, revision: UInt64)
    func differences() async -> [DifferenceReport]

    func connections(_ query: ConnectionQuery) async throws(AdminRefusal) -> Page<ConnectionReport>
    func connection(_ number: UInt64) async throws(AdminRefusal) -> ConnectionReport
    /// Leased ones end when their exchange does; `force` ends them at once.
    func closeConnection(_ number: UInt64, force: Bool, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> ConnectionReport
    func perform(_ action: ActionRequest.Action, _ request: ActionRequest, actor: AdminActor)
        async throws(AdminRefusal) -> ActionReport

    func history(_ query: HistoryQuery) async throws(AdminRefusal) -> HistoryReport
    func exchanges(_ query: ExchangeQuery) async throws(AdminRefusal) -> Page<ExchangeReport>
    func exchange(_ id: Int64) async throws(AdminRefusal) -> ExchangeReport
    func audit(_ query: AuditQuery) async throws(AdminRefusal) -> Page<AuditReport>
    /// Those after `id` that are still kept, then what comes; nil: only what comes. Ends when connd stops.
    func events(after id: UInt64?) async -> AsyncStream<EventReport>

    func export() async -> SettingsDocument
    func importSettings(
        _ document: SettingsDocument, replace: Bool, dryRun: Bool, actor: AdminActor, reason: String?,
        ifRevision: UInt64?
    ) async throws(AdminRefusal) -> (ImportReport, revision: UInt64)
    /// The database as it is now.
    func backUp(actor: AdminActor) async throws(AdminRefusal) -> AdminBytes
    func config() async -> ConfigReport
    func reload(actor: AdminActor) async throws(AdminRefusal) -> ReloadReportModel
}
