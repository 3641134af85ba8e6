import AdminAPI
import AdminModels
import ConfigurationFile
import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Tuning

/// Gateways.
extension LiveAdminBackend {
    func gateways() async -> ([GatewayReport], revision: UInt64) {
        let reports = await gatewayControl.reports()
        return (reports, await gatewayControl.table.revision)
    }

    func gateway(_ name: String) async throws(AdminRefusal) -> (GatewayReport, revision: UInt64) {
        let (reports, revision) = await gateways()
        guard let report = reports.first(where: { $0.name == name }) else {
            throw .notFound("there is no gateway `\(name)`: /v1/gateways lists them")
        }
        return (report, revision)
    }

    func putGateway(_ name: String, _ request: GatewayRequest, actor: AdminActor, ifRevision: UInt64?)
        async throws(AdminRefusal) -> (GatewayReport, revision: UInt64)
    {
        do throws(ValueProblem) {
            _ = try GatewayDefinition.checked(name: name)
        } catch {
            throw .invalid("the gateway's name \(error)", [FieldProblem(pointer: "{name}", detail: "\(error)")])
        }
        let reason = try Self.checked(reason: request.reason)
        try await gatewayControl.put(name, actor: actor, reason: reason, ifRevision: ifRevision) {
            known throws(AdminRefusal) in
            var reader = GatewayReader(pointer: "")
            let values = reader.read(
                origin: request.origin, listen: request.listen, preserveHost: request.preserveHost,
                cookieSecure: request.cookieSecure, socketMode: request.socketMode, allowHosts: request.allowHosts)
            guard let values else { throw .invalid("the gateway is invalid", reader.problems) }
            return values
        }
        return try await gateway(name)
    }

    func removeGateway(_ name: String, actor: AdminActor, reason: String?, ifRevision: UInt64?)
        async throws(AdminRefusal) -> ([GatewayReport], revision: UInt64)
    {
        try await gatewayControl.remove(
            name, actor: actor, reason: try Self.checked(reason: reason), ifRevision: ifRevision)
        return await gateways()
    }

    // MARK: Export and import

    func exportedGateways() async -> [DocumentedGateway] {
        await gatewayControl.table.rows.values.sorted { $0.definition.name < $1.definition.name }.map { row in
            var item = DocumentedGateway()
            item.name = row.definition.name
            item.origin = row.definition.origin.description
            item.listen = row.definition.listen.map(\.description)
            item.preserveHost = row.definition.preserveHost
            item.cookieSecure = row.definition.cookieSecure.rawValue
            item.socketMode = row.definition.socketMode.description
            item.allowHosts = row.definition.allowHosts.map(\.description)
            item.reason = row.reason
            item.actor = row.actor
            item.time = APIFormat.time(row.time)
            return item
        }
    }

    /// Of a document, all checked. Empty where it says nothing of gateways.
    static func gateways(of document: SettingsDocument) throws(AdminRefusal) -> [GatewayDefinition] {
        var definitions: [GatewayDefinition] = []
        var problems: [FieldProblem] = []
        for (index, item) in (document.gateways ?? []).enumerated() {
            var reader = GatewayReader(pointer: "/gateways/\(index)")
            let values = reader.read(
                origin: item.origin, listen: item.listen, preserveHost: item.preserveHost,
                cookieSecure: item.cookieSecure, socketMode: item.socketMode, allowHosts: item.allowHosts)
            let name = reader.value("name") { () throws(ValueProblem) in try GatewayDefinition.checked(name: item.name)
            }
            if definitions.contains(where: { $0.name == item.name }) { reader.refuse("name", "is given twice") }
            problems += reader.problems
            guard let values, let name else { continue }
            definitions.append(
                GatewayDefinition(
                    name: name, origin: values.origin, listen: values.listen ?? [],
                    preserveHost: values.preserveHost, cookieSecure: values.cookieSecure,
                    socketMode: values.socketMode, allowHosts: values.allowHosts))
        }
        guard problems.isEmpty else { throw .invalid("some gateways are invalid", problems) }
        return definitions
    }
}

/// Reads the parts of a gateway, and collects what is wrong with each. Value.
private struct GatewayReader {
    let pointer: String
    private(set) var problems: [FieldProblem] = []

    init(pointer: String) {
        self.pointer = pointer
    }

    mutating func refuse(_ field: String, _ detail: String) {
        problems.append(FieldProblem(pointer: "\(pointer)/\(field)", detail: detail))
    }

    mutating func value<Value>(_ field: String, _ read: () throws(ValueProblem) -> Value) -> Value? {
        do throws(ValueProblem) {
            return try read()
        } catch {
            refuse(field, "\(error)")
            return nil
        }
    }

    mutating func read(
        origin: String, listen: [String]?, preserveHost: Bool?, cookieSecure: String?, socketMode: String?,
        allowHosts: [String]?
    ) -> GatewayRequestValues? {
        let origin = value("origin") { () throws(ValueProblem) in try GatewayDefinition.origin(parsing: origin) }
        let mode = value("socket_mode") { () throws(ValueProblem) in
            try socketMode.map(SocketMode.init(parsing:)) ?? .standard
        }
        var cookies = CookieSecure.keep
        if let cookieSecure {
            if let known = CookieSecure(rawValue: cookieSecure) {
                cookies = known
            } else {
                refuse("cookie_secure", "must be keep or strip")
            }
        }
        var addresses: [ListenAddress]?
        if let listen {
            if listen.isEmpty { refuse("listen", "must name an address, or be left out for a free port") }
            addresses = listen.enumerated().compactMap { index, text in
                value("listen/\(index)") { () throws(ValueProblem) in try ListenAddress(parsing: text) }
            }
        }
        let hosts = (allowHosts ?? []).enumerated().compactMap { index, text in
            value("allow_hosts/\(index)") { () throws(ValueProblem) in try GatewayHost(parsing: text) }
        }
        guard problems.isEmpty, let origin, let mode else { return nil }
        return GatewayRequestValues(
            origin: origin, listen: addresses, preserveHost: preserveHost ?? false, cookieSecure: cookies,
            socketMode: mode, allowHosts: hosts)
    }
}

extension GatewayReport {
    init(_ entry: GatewayTable.Entry, _ figures: GatewayFigures?, unopened: [UnopenedListener]) {
        self.init()
        let definition = entry.definition
        name = definition.name
        origin = definition.origin.description
        listen = definition.listen.map(\.description)
        listening = figures?.sockets.map(\.boundAddress) ?? []
        self.unopened = unopened.map(UnopenedListenerReport.init)
        preserveHost = definition.preserveHost
        cookieSecure = definition.cookieSecure.rawValue
        socketMode = definition.socketMode.description
        allowHosts = definition.allowHosts.map(\.description)
        refused = figures?.refused.total ?? 0
        requests = figures?.requests ?? 0
        switch entry.source {
        case .file(let place):
            source = "file"
            self.place = place
        case .override(let row, let hidden):
            source = "override"
            place = hidden
            actor = row.actor
            reason = row.reason
            time = APIFormat.time(row.time)
            timeMs = row.time
        }
    }
}

extension GatewayChangeReport {
    init(_ entry: AuditEntry) {
        self.init()
        name = entry.subject
        before = entry.before
        after = entry.after
    }
}
