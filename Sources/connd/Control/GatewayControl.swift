import AdminAPI
import AdminModels
import ConfigurationFile
import ForwardProxy
import Logging
import ProxyTypes
import Reactor
import Store
import Tuning

/// Owns the gateways: makes each change durable, opens and closes listeners on the data loop, then answers. One that cannot
/// listen is kept, shown with the reason, and tried again with every change and reload. An actor; one change at a time.
actor GatewayControl {
    private(set) var table: GatewayTable
    /// By the gateway's name.
    private var unopened: [String: [UnopenedListener]]
    private let store: Store
    private let mailbox: LoopMailbox
    private let configured: ConfigurationState
    private let events: EventHub
    private let logger: Logger
    private let serial = AsyncMutex()

    /// `unopened`: as `open(_:in:logger:)` returned it.
    init(
        _ table: GatewayTable, unopened: [String: [UnopenedListener]], store: Store, mailbox: LoopMailbox,
        configured: ConfigurationState, events: EventHub, logger: Logger
    ) {
        self.table = table
        self.unopened = unopened
        self.store = store
        self.mailbox = mailbox
        self.configured = configured
        self.events = events
        self.logger = logger
    }

    // MARK: Changes

    /// `listen` nil: where a gateway of this name listens, else a free port of 127.0.0.1. Port 0: a free one.
    func put(
        _ name: String, actor: AdminActor, reason: String?, ifRevision: UInt64?,
        _ make: @Sendable (_ known: GatewayDefinition?) throws(AdminRefusal) -> GatewayRequestValues
    ) async throws(AdminRefusal) {
        try await exclusively(ifRevision) { () async throws(AdminRefusal) in
            let known = table.entry(name)?.definition
            let values = try make(known)
            var ready: [ListeningSocket] = []
            var listen = values.listen ?? known?.listen ?? [.tcp(IPAddress(ipv4: 0x7F00_0001), port: 0)]
            for (index, address) in listen.enumerated() {
                guard case .tcp(let ip, port: 0) = address, ip.isLoopback else { continue }
                ready.append(try Self.freePort(on: ip))
                listen[index] = ready[ready.count - 1].address
            }
            let definition = GatewayDefinition(
                name: name, origin: values.origin, listen: listen, preserveHost: values.preserveHost,
                cookieSecure: values.cookieSecure, socketMode: values.socketMode, allowHosts: values.allowHosts)
            do throws(AdminRefusal) {
                let time = SystemClock.wall()
                let change = try refusing { () throws(GatewayTable.Refusal) in
                    try table.putting(
                        definition, actor: actor.name, reason: reason, time: time, others: others)
                }
                guard !change.isEmpty else {
                    close(ready)
                    return await apply([])
                }
                ready += try await openNew(of: definition, ready.map(\.address))
                try await commit(change, ready)
            } catch {
                close(ready)
                throw error
            }
        }
    }

    func remove(_ name: String, actor: AdminActor, reason: String?, ifRevision: UInt64?) async throws(AdminRefusal) {
        try await exclusively(ifRevision) { () async throws(AdminRefusal) in
            let time = SystemClock.wall()
            let change = try refusing { () throws(GatewayTable.Refusal) in
                try table.removing(name, actor: actor.name, reason: reason, time: time)
            }
            try await commit(change, [])
        }
    }

    /// `store`: makes the change durable, together with the settings that are imported.
    func importing<Outcome: Sendable>(
        _ definitions: [GatewayDefinition], replace: Bool, actor: AdminActor, reason: String?,
        _ store: @Sendable (GatewayChange) async throws(AdminRefusal) -> Outcome
    ) async throws(AdminRefusal) -> (change: GatewayChange, outcome: Outcome) {
        try await exclusively(nil) { () async throws(AdminRefusal) in
            let change = try imported(definitions, replace: replace, actor: actor, reason: reason)
            let outcome = try await store(change)
            if !change.isEmpty { await take(change, []) }
            return (change, outcome)
        }
    }

    /// What an import would change.
    func imported(
        _ definitions: [GatewayDefinition], replace: Bool, actor: AdminActor, reason: String?
    ) throws(AdminRefusal) -> GatewayChange {
        let time = SystemClock.wall()
        return try refusing { () throws(GatewayTable.Refusal) in
            try table.importing(
                definitions, replace: replace, actor: actor.name, reason: reason, time: time, others: others)
        }
    }

    /// A reload begins: gateways that the new file moves or removes release the addresses that the proxy or the admin API is to
    /// listen on. `endReload` or `cancelReload` must follow; no other change comes in between.
    func beginReload(_ file: [FileGateway], taking addresses: [ListenAddress]) async {
        await serial.enter()
        var next = table
        next.setFile(file)
        let entries = next.entries
        await mailbox.run { loop in GatewayListeners.release(addresses, by: entries, in: loop) }
    }

    /// The new file is refused: gateways listen again where they did.
    func cancelReload() async {
        await apply([])
        await serial.leave()
    }

    /// Returns remarks for the operator.
    func endReload(_ file: [FileGateway]) async -> [String] {
        table.setFile(file)
        await apply([])
        var notes = unopened.values.flatMap { $0 }.map { "cannot listen on \($0)" }.sorted()
        for entry in table.entries {
            guard case .override(_, let hidden?) = entry.source else { continue }
            notes.append("the gateway \(entry.definition.name) of \(hidden) is hidden by one that was set at run time")
        }
        await serial.leave()
        return notes
    }

    /// To be called after the database was read again.
    func load() async {
        await serial.enter()
        table.setRows(store.loadGateways())
        await apply([])
        await serial.leave()
    }

    private func exclusively<Outcome>(
        _ ifRevision: UInt64?, _ work: () async throws(AdminRefusal) -> Outcome
    ) async throws(AdminRefusal) -> Outcome {
        await serial.enter()
        do throws(AdminRefusal) {
            if let ifRevision, ifRevision != table.revision {
                throw AdminRefusal.stale("the gateways have changed in the meantime: read them again")
            }
            let outcome = try await work()
            await serial.leave()
            return outcome
        } catch {
            await serial.leave()
            throw error
        }
    }

    private func commit(_ change: GatewayChange, _ ready: [ListeningSocket]) async throws(AdminRefusal) {
        do throws(StoreFailure) {
            try await store.commit(change)
        } catch {
            throw .unavailable("the change could not be made durable, so nothing was changed: \(error)")
        }
        await take(change, ready)
    }

    /// After it was made durable.
    private func take(_ change: GatewayChange, _ ready: [ListeningSocket]) async {
        table.apply(change)
        await apply(ready)
        for entry in change.audit {
            logger.info(
                "gateway changed",
                metadata: [
                    "action": "\(entry.action.rawValue)", "gateway": "\(entry.subject)",
                    "before": "\(entry.before ?? "-")", "after": "\(entry.after ?? "-")", "actor": "\(entry.actor)",
                ])
            events.send(
                "setting", "gateway \(entry.subject): \(entry.before ?? "-") -> \(entry.after ?? "-") by \(entry.actor)"
            )
        }
    }

    private func refusing<Value>(_ work: () throws(GatewayTable.Refusal) -> Value) throws(AdminRefusal) -> Value {
        do throws(GatewayTable.Refusal) {
            return try work()
        } catch {
            switch error {
            case .unknown(let name):
                throw .notFound("there is no gateway `\(name)`: /v1/gateways lists them")
            case .inFile(let name, let place):
                throw .conflict("the gateway \(name) is in the config file (\(place)): remove it there, then reload")
            case .invalid(let field, let text):
                throw .invalid(text, [FieldProblem(pointer: "/\(field)", detail: text)])
            case .taken(let text): throw .conflict(text, [FieldProblem(pointer: "/listen", detail: text)])
            }
        }
    }

    /// Where the proxy and the admin API listen.
    private var others: [(address: ListenAddress, what: String)] {
        let configuration = configured.current.loaded.configuration
        return configuration.proxy.listen.map { ($0, "where the proxy listens") }
            + configuration.admin.listen.map { ($0, "where the admin API listens") }
    }

    // MARK: Listeners

    /// Opens what `definition` adds to where the gateway listens: an address that is taken refuses the change.
    private func openNew(of definition: GatewayDefinition, _ ready: [ListenAddress]) async throws(AdminRefusal)
        -> [ListeningSocket]
    {
        let held = await mailbox.run { $0.gatewayReports.flatMap { $0.sockets.map(\.address) } }
        var opened: [ListeningSocket] = []
        for address in definition.listen where !held.contains(address) && !ready.contains(address) {
            do throws(SystemError) {
                opened.append(try ListeningSocket.open(address, mode: definition.socketMode))
            } catch {
                close(opened)
                let text = "cannot listen on \(UnopenedListener(address, code: error.code))"
                throw .conflict(text, [FieldProblem(pointer: "/listen", detail: text)])
            }
        }
        return opened
    }

    private func close(_ sockets: [ListeningSocket]) {
        for socket in sockets { socket.close() }
    }

    /// The gateway keeps it from here on, also across restarts.
    private static func freePort(on address: IPAddress) throws(AdminRefusal) -> ListeningSocket {
        do throws(SystemError) {
            let socket = try ListeningSocket.open(.tcp(address, port: 0))
            return ListeningSocket(
                address: .tcp(address, port: socket.localAddress?.port ?? 0), descriptor: socket.descriptor,
                isInherited: false)
        } catch {
            throw .conflict("no port is free on \(address): \(error)")
        }
    }

    /// Makes the data loop listen as the table says. `ready`: sockets that are open already.
    private func apply(_ ready: [ListeningSocket]) async {
        let entries = table.entries
        let held = await mailbox.run { loop in GatewayListeners.close(allBut: entries, in: loop) }
        let (sockets, failures) = GatewayListeners.open(entries, held: held, ready: ready)
        let late = await mailbox.run { loop in GatewayListeners.listen(on: sockets, in: loop) }
        unopened = failures.merging(late) { $0 + $1 }
        for (name, socket) in sockets where late[name] == nil {
            logger.info("listening", metadata: ["address": "\(socket.boundAddress)", "gateway": "\(name)"])
        }
        GatewayListeners.report(unopened, logger)
    }

    // MARK: Reports

    func reports() async -> [GatewayReport] {
        let figures = await mailbox.run { $0.gatewayReports }
        return table.entries.map { entry in
            let name = entry.definition.name
            return GatewayReport(entry, figures.first { $0.name == name }, unopened: unopened[name] ?? [])
        }
    }

    var unopenedListeners: [UnopenedListener] { unopened.values.flatMap { $0 } }
}

/// A gateway as a request describes it, each part checked by itself. Value.
struct GatewayRequestValues: Sendable {
    var origin: Origin
    var listen: [ListenAddress]?
    var preserveHost: Bool
    var cookieSecure: CookieSecure
    var socketMode: SocketMode
    var allowHosts: [GatewayHost]
}
