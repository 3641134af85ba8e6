package import ProxyTypes

/// All gateways: those of the config file, and those that were set at run time, which take precedence over the file's of the
/// same name. Decides which are in force and computes changes; the caller stores and opens them. Value.
package struct GatewayTable: Sendable {
    /// A gateway in force, and where it comes from. Value.
    package struct Entry: Hashable, Sendable {
        package enum Source: Hashable, Sendable {
            case file(place: String)
            /// `hidden`: where the file has one of the same name.
            case override(GatewayRow, hidden: String?)
        }

        package let definition: GatewayDefinition
        package let source: Source
    }

    /// Why an edit is refused.
    package enum Refusal: Error, Hashable, Sendable {
        case unknown(name: String)
        /// It is only in the file, at this place, and so cannot be removed at run time.
        case inFile(name: String, place: String)
        /// A field, by its name in the API, and what is wrong with it.
        case invalid(field: String, text: String)
        /// Something else listens on the address.
        case taken(String)
    }

    package private(set) var file: [FileGateway]
    package private(set) var rows: [String: GatewayRow]
    /// Changes with every change, and never comes again.
    package private(set) var revision: UInt64

    package init(file: [FileGateway] = [], rows: [GatewayRow] = [], revision: UInt64) {
        self.file = file
        self.rows = Dictionary(rows.map { ($0.definition.name, $0) }) { _, last in last }
        self.revision = revision
    }

    /// In force, by name.
    package var entries: [Entry] {
        let places = Dictionary(file.map { ($0.definition.name, $0.place) }) { first, _ in first }
        let set = rows.values.map {
            Entry(
                definition: $0.definition, source: .override($0, hidden: places[$0.definition.name]))
        }
        let others = file.filter { rows[$0.definition.name] == nil }.map {
            Entry(definition: $0.definition, source: .file(place: $0.place))
        }
        return (set + others).sorted { $0.definition.name < $1.definition.name }
    }

    package func entry(_ name: String) -> Entry? { entries.first { $0.definition.name == name } }

    // MARK: Edits

    /// `others`: where the proxy and the admin API listen, and which of the two it is.
    package func putting(
        _ definition: GatewayDefinition, actor: String, reason: String?, time: Int64,
        others: [(address: ListenAddress, what: String)]
    ) throws(Refusal) -> GatewayChange {
        try check(definition, others)
        if rows[definition.name]?.definition == definition, reason == nil { return GatewayChange() }
        var change = GatewayChange()
        change.puts = [GatewayRow(definition: definition, actor: actor, reason: reason, time: time)]
        change.audit = [
            AuditEntry(
                time: time, actor: actor, action: .gatewaySet, subject: definition.name,
                before: entry(definition.name)?.definition.description, after: definition.description, reason: reason)
        ]
        return change
    }

    private func check(
        _ definition: GatewayDefinition, _ others: [(address: ListenAddress, what: String)]
    ) throws(Refusal) {
        guard !definition.listen.isEmpty, definition.listen.count <= GatewayDefinition.maxListen else {
            throw .invalid(field: "listen", text: "must name 1 to \(GatewayDefinition.maxListen) addresses")
        }
        for (index, address) in definition.listen.enumerated() {
            let field = "listen/\(index)"
            guard address.isLoopback else {
                let text =
                    "\(address) is beyond loopback: whoever can connect to a gateway can use its origin, so only the "
                    + "config file may name such an address, together with proxy.allow_from"
                throw .invalid(field: field, text: text)
            }
            if definition.listen[..<index].contains(where: { $0.collides(with: address) }) {
                throw .invalid(field: field, text: "\(address) is given twice")
            }
            if let other = others.first(where: { $0.address.collides(with: address) }) {
                throw .taken("\(address) is \(other.what)")
            }
            for entry in entries where entry.definition.name != definition.name {
                if entry.definition.listen.contains(where: { $0.collides(with: address) }) {
                    throw .taken("\(address) is where the gateway \(entry.definition.name) listens")
                }
            }
        }
    }

    /// Where the file has a gateway of this name, that one is in force again.
    package func removing(_ name: String, actor: String, reason: String?, time: Int64) throws(Refusal)
        -> GatewayChange
    {
        guard let row = rows[name] else {
            if let known = file.first(where: { $0.definition.name == name }) {
                throw .inFile(name: name, place: known.place)
            }
            throw .unknown(name: name)
        }
        var change = GatewayChange()
        change.removals = [name]
        change.audit = [
            AuditEntry(
                time: time, actor: actor, action: .gatewayRemoved, subject: name,
                before: row.definition.description,
                after: file.first { $0.definition.name == name }?.definition.description, reason: reason)
        ]
        return change
    }

    /// All of a document, or nothing. `replace`: those that it does not contain are removed.
    package func importing(
        _ definitions: [GatewayDefinition], replace: Bool, actor: String, reason: String?, time: Int64,
        others: [(address: ListenAddress, what: String)]
    ) throws(Refusal) -> GatewayChange {
        var table = self
        var change = GatewayChange()
        let names = Set(definitions.map(\.name))
        for name in rows.keys.sorted() where replace && !names.contains(name) {
            let part = try table.removing(name, actor: actor, reason: reason, time: time)
            table.apply(part)
            change.add(part)
        }
        // Addresses may move from one to another: the document is checked against what it leaves.
        for definition in definitions { table.rows[definition.name] = nil }
        for definition in definitions {
            try table.check(definition, others)
            let row = GatewayRow(definition: definition, actor: actor, reason: reason, time: time)
            table.rows[definition.name] = row
            guard rows[definition.name]?.definition != definition else { continue }
            change.puts.append(row)
            change.audit.append(
                AuditEntry(
                    time: time, actor: actor, action: .gatewaySet, subject: definition.name,
                    before: entry(definition.name)?.definition.description, after: definition.description,
                    reason: reason))
        }
        return change
    }

    // MARK: Applying

    package mutating func apply(_ change: GatewayChange) {
        for name in change.removals { rows[name] = nil }
        for row in change.puts { rows[row.definition.name] = row }
        revision += 1
    }

    package mutating func setFile(_ gateways: [FileGateway]) {
        guard gateways != file else { return }
        file = gateways
        revision += 1
    }

    /// After the database was read again.
    package mutating func setRows(_ new: [GatewayRow]) {
        rows = Dictionary(new.map { ($0.definition.name, $0) }) { _, last in last }
        revision += 1
    }
}

extension GatewayChange {
    mutating func add(_ other: GatewayChange) {
        puts += other.puts
        removals += other.removals
        audit += other.audit
    }
}
