import GRDB
import ProxyTypes
import Tuning

/// A stored gateway, as texts, which a later version may have written. Value.
struct StoredGateway: Hashable, Sendable {
    let name: String
    var origin: String
    /// One address per line.
    var listen: String
    var preserveHost: Bool
    var cookieSecure: String
    var socketMode: String
    /// One host per line; nil without any, and in rows of older versions.
    var allowHosts: String?
    var actor: String
    var reason: String?
    var time: Int64
}

extension StoredGateway {
    init(_ row: GatewayRow) {
        let definition = row.definition
        name = definition.name
        origin = definition.origin.description
        listen = definition.listen.map(\.description).joined(separator: "\n")
        preserveHost = definition.preserveHost
        cookieSecure = definition.cookieSecure.rawValue
        socketMode = definition.socketMode.description
        let hosts = definition.allowHosts.map(\.description)
        allowHosts = hosts.isEmpty ? nil : hosts.joined(separator: "\n")
        actor = row.actor
        reason = row.reason
        time = row.time
    }

    /// The parsed row; a failure says why this version cannot read it.
    func read() -> Result<GatewayRow, UnreadableSetting> {
        func unreadable(_ why: String) -> Result<GatewayRow, UnreadableSetting> {
            .failure(UnreadableSetting(message: "the kept gateway \(name) does not listen: \(why)"))
        }
        guard let origin = Origin(canonical: origin) else { return unreadable("its origin is invalid") }
        let lines = listen.split(separator: "\n")
        let addresses = lines.compactMap { ListenAddress(String($0)) }
        guard addresses.count == lines.count, !addresses.isEmpty else { return unreadable("its addresses are invalid") }
        guard let cookies = CookieSecure(rawValue: cookieSecure) else {
            return unreadable("this version does not know its cookie_secure")
        }
        guard let mode = try? SocketMode(parsing: socketMode) else { return unreadable("its socket_mode is invalid") }
        let texts = allowHosts?.split(separator: "\n") ?? []
        let hosts = texts.compactMap { try? GatewayHost(parsing: String($0)) }
        guard hosts.count == texts.count else { return unreadable("its allow_hosts are invalid") }
        let definition = GatewayDefinition(
            name: name, origin: origin, listen: addresses, preserveHost: preserveHost, cookieSecure: cookies,
            socketMode: mode, allowHosts: hosts)
        return .success(GatewayRow(definition: definition, actor: actor, reason: reason, time: time))
    }
}

/// Writes and reads the gateways that were set at run time.
enum GatewayRecords {
    private static let columns = [
        "name", "origin", "listen", "preserve_host", "cookie_secure", "socket_mode", "allow_hosts", "actor", "reason",
        "time",
    ]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "gateways", columns)

    static func put(_ row: StoredGateway, _ db: Database) throws {
        try db.run(
            put,
            [
                row.name, row.origin, row.listen, row.preserveHost, row.cookieSecure, row.socketMode, row.allowHosts,
                row.actor, row.reason, row.time,
            ])
    }

    static func remove(_ name: String, _ db: Database) throws {
        try db.run("DELETE FROM gateways WHERE name = ?", [name])
    }

    /// On an error, rows read so far stay in `found`.
    static func load(into found: inout [String: StoredGateway], _ db: Database) throws {
        // An older database that is opened read-only does not have the table.
        guard try db.tableExists("gateways") else { return }
        let list = try SQLText.list(columns, of: "gateways", db)
        let rows = try Row.fetchCursor(db, sql: "SELECT \(list) FROM gateways")
        while let row = try rows.next() {
            let gateway = StoredGateway(
                name: row[0], origin: row[1], listen: row[2], preserveHost: row[3], cookieSecure: row[4],
                socketMode: row[5], allowHosts: row[6], actor: row[7], reason: row[8], time: row[9])
            found[gateway.name] = gateway
        }
    }

    /// Replaces all rows of the table.
    static func replace(with gateways: [String: StoredGateway], _ db: Database) throws {
        try db.run("DELETE FROM gateways")
        for row in gateways.values { try put(row, db) }
    }
}
