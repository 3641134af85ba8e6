package import AdminModels
import ProxyTypes

extension AdminClient {
    package func status() async throws(AdminFailure) -> AdminAnswer<StatusReport> {
        try await send(Call(path: Paths.status))
    }

    package func version() async throws(AdminFailure) -> AdminAnswer<VersionReport> {
        try await send(Call(path: Paths.version))
    }

    package func metrics() async throws(AdminFailure) -> String {
        String(decoding: try await send(Call(path: Paths.metrics)).body, as: UTF8.self)
    }

    package func openAPI() async throws(AdminFailure) -> [UInt8] {
        try await send(Call(path: Paths.openAPI)).body
    }

    // MARK: Origins

    package func origins(_ query: OriginQuery) async throws(AdminFailure) -> AdminAnswer<Page<OriginSummary>> {
        try await send(
            Call(
                path: Paths.origins,
                query: query.page.parameters + [
                    ("sort", query.sort.rawValue), ("ascending", query.ascending.map { "\($0)" }),
                    ("filter", query.filter),
                ]))
    }

    package func origin(_ name: String) async throws(AdminFailure) -> AdminAnswer<OriginDetail> {
        try await send(Call(path: fill(Paths.origin, name)))
    }

    package func whatIf(_ name: String, _ query: WhatIfQuery) async throws(AdminFailure) -> AdminAnswer<WhatIfReport> {
        let settings = WhatIfQuery.names.map { ($0, query.settings[$0]) }
        return try await send(Call(path: fill(Paths.whatIf, name), query: settings))
    }

    /// `onlyLearned`: what was learned of its idle limit, and nothing else.
    package func forget(_ name: String, onlyLearned: Bool = false, reason: String? = nil) async throws(AdminFailure) {
        let learned = onlyLearned ? "true" : nil
        try await send(
            Call(method: "DELETE", path: fill(Paths.origin, name), query: [("learned", learned), ("reason", reason)]))
    }

    package func perform(_ action: ActionRequest.Action, _ request: ActionRequest) async throws(AdminFailure)
        -> AdminAnswer<ActionReport>
    {
        try await send(
            Call(method: "POST", path: fill(Paths.action, action.rawValue), body: try body(request)))
    }

    // MARK: Settings

    package func definitions() async throws(AdminFailure) -> AdminAnswer<[SettingDefinitionReport]> {
        try await list(Call(path: Paths.definitions))
    }

    package func patterns() async throws(AdminFailure) -> AdminAnswer<[PatternReport]> {
        try await list(Call(path: Paths.settings))
    }

    package func settings(_ pattern: String) async throws(AdminFailure) -> AdminAnswer<SettingsReport> {
        try await send(Call(path: fill(Paths.setting, pattern)))
    }

    /// `ifMatch`: an ETag; if it is no longer the current one, the problem's status is 412.
    package func patch(_ pattern: String, _ patch: SettingsPatch, ifMatch: String? = nil) async throws(AdminFailure)
        -> AdminAnswer<SettingsReport>
    {
        try await send(
            Call(
                method: "PATCH", path: fill(Paths.setting, pattern), body: try body(PatchBody(patch)), ifMatch: ifMatch
            ))
    }

    package func confirm(_ pattern: String, _ selection: TrialSelection, ifMatch: String? = nil)
        async throws(AdminFailure) -> AdminAnswer<SettingsReport>
    {
        try await send(
            Call(method: "POST", path: fill(Paths.confirm, pattern), body: try body(selection), ifMatch: ifMatch))
    }

    package func revert(_ pattern: String, _ selection: TrialSelection, ifMatch: String? = nil)
        async throws(AdminFailure) -> AdminAnswer<SettingsReport>
    {
        try await send(
            Call(method: "POST", path: fill(Paths.revert, pattern), body: try body(selection), ifMatch: ifMatch))
    }

    package func differences() async throws(AdminFailure) -> AdminAnswer<[DifferenceReport]> {
        try await list(Call(path: Paths.diff))
    }

    package func export() async throws(AdminFailure) -> AdminAnswer<SettingsDocument> {
        try await send(Call(path: Paths.export))
    }

    /// `document`: the JSON exactly as in its file, so that the daemon reports what is wrong with it.
    package func importSettings(
        _ document: [UInt8], replace: Bool = false, dryRun: Bool = false, reason: String? = nil,
        ifMatch: String? = nil
    ) async throws(AdminFailure) -> AdminAnswer<ImportReport> {
        try await send(
            Call(
                method: "POST", path: Paths.import,
                query: [
                    ("dry_run", dryRun ? "true" : nil), ("replace", replace ? "true" : nil), ("reason", reason),
                ], body: document, ifMatch: ifMatch))
    }

    package func config() async throws(AdminFailure) -> AdminAnswer<ConfigReport> {
        try await send(Call(path: Paths.config))
    }

    package func reload() async throws(AdminFailure) -> AdminAnswer<ReloadReportModel> {
        try await send(Call(method: "POST", path: Paths.reload))
    }

    // MARK: Gateways

    package func gateways() async throws(AdminFailure) -> AdminAnswer<[GatewayReport]> {
        try await list(Call(path: Paths.gateways))
    }

    package func gateway(_ name: String) async throws(AdminFailure) -> AdminAnswer<GatewayReport> {
        try await send(Call(path: fill(Paths.gateway, name)))
    }

    package func putGateway(_ name: String, _ request: GatewayRequest, ifMatch: String? = nil)
        async throws(AdminFailure) -> AdminAnswer<GatewayReport>
    {
        try await send(
            Call(method: "PUT", path: fill(Paths.gateway, name), body: try body(request), ifMatch: ifMatch))
    }

    package func removeGateway(_ name: String, reason: String? = nil, ifMatch: String? = nil)
        async throws(AdminFailure) -> AdminAnswer<[GatewayReport]>
    {
        try await list(
            Call(
                method: "DELETE", path: fill(Paths.gateway, name), query: [("reason", reason)], ifMatch: ifMatch))
    }

    // MARK: Certificate authorities

    package func authorities() async throws(AdminFailure) -> AdminAnswer<AuthoritiesReport> {
        try await send(Call(path: Paths.authorities))
    }

    package func createAuthority(_ request: AuthorityRequest) async throws(AdminFailure)
        -> AdminAnswer<AuthoritiesReport>
    {
        try await send(Call(method: "POST", path: Paths.authorities, body: try body(request)))
    }

    package func rotateAuthority(_ request: RotationRequest) async throws(AdminFailure)
        -> AdminAnswer<AuthoritiesReport>
    {
        try await send(Call(method: "POST", path: Paths.rotateAuthority, body: try body(request)))
    }

    package func removeAuthorities(reason: String? = nil) async throws(AdminFailure) -> AdminAnswer<AuthoritiesReport> {
        try await send(Call(method: "DELETE", path: Paths.authorities, query: [("reason", reason)]))
    }

    // MARK: Connections and records

    package func connections(_ query: ConnectionQuery) async throws(AdminFailure)
        -> AdminAnswer<Page<ConnectionReport>>
    {
        try await send(
            Call(
                path: Paths.connections,
                query: query.page.parameters + [("origin", query.origin), ("state", query.state)]))
    }

    package func connection(_ number: UInt64) async throws(AdminFailure) -> AdminAnswer<ConnectionReport> {
        try await send(Call(path: fill(Paths.connection, "\(number)")))
    }

    package func closeConnection(_ number: UInt64, force: Bool, reason: String? = nil) async throws(AdminFailure)
        -> AdminAnswer<ConnectionReport>
    {
        try await send(
            Call(
                method: "DELETE", path: fill(Paths.connection, "\(number)"),
                query: [("force", force ? "true" : nil), ("reason", reason)]))
    }

    package func history(_ query: HistoryQuery) async throws(AdminFailure) -> AdminAnswer<HistoryReport> {
        try await send(
            Call(
                path: Paths.history,
                query: [
                    ("origin", query.origin), ("from", query.from.map { "\($0)" }), ("to", query.to.map { "\($0)" }),
                    ("points", "\(query.points)"),
                ]))
    }

    package func exchanges(_ query: ExchangeQuery) async throws(AdminFailure) -> AdminAnswer<Page<ExchangeReport>> {
        try await send(
            Call(
                path: Paths.exchanges,
                query: query.page.parameters
                    + [("origin", query.origin), ("outcome", query.outcome), ("raced", query.raced ? "true" : nil)]))
    }

    package func exchange(_ id: Int64) async throws(AdminFailure) -> AdminAnswer<ExchangeReport> {
        try await send(Call(path: fill(Paths.exchange, "\(id)")))
    }

    package func audit(_ query: AuditQuery) async throws(AdminFailure) -> AdminAnswer<Page<AuditReport>> {
        try await send(Call(path: Paths.audit, query: query.page.parameters + [("subject", query.subject)]))
    }

    // MARK: Parts

    /// Lists without pages.
    private func list<Item: Codable & Sendable>(_ call: Call) async throws(AdminFailure) -> AdminAnswer<[Item]> {
        let answer = try await send(call, as: ItemList<Item>.self)
        return AdminAnswer(content: answer.content.items, body: answer.body, etag: answer.etag)
    }

    /// Replaces the `{…}` of a path by a percent-encoded value.
    func fill(_ path: String, _ value: String) -> String {
        guard let start = path.firstIndex(of: "{"), let end = path.firstIndex(of: "}") else { return path }
        return path[..<start] + PercentEncoding.segment(value) + path[path.index(after: end)...]
    }

    func body(_ content: some Encodable) throws(AdminFailure) -> [UInt8] {
        do { return try APIJSON.encode(content) } catch {
            throw .unexpected(address, "the request could not be written (\(error))")
        }
    }
}

extension PageRequest {
    var parameters: [(name: String, value: String?)] { [("limit", "\(limit)"), ("cursor", cursor)] }
}
