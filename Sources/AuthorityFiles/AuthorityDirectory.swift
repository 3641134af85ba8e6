package import LocalCA
import ProxyTypes

/// The directory with the authorities of this host, each with its root, its intermediate and the intermediate's key. Blocks,
/// and makes each change durable. Value.
package struct AuthorityDirectory: Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    // MARK: Reading

    /// What the files say, checked against each other. Those of `known` that are the same stay the same objects.
    package func load(known: [SigningAuthority] = []) throws(AuthorityFault) -> StoredAuthorities {
        guard let work = try FileWork(path, creating: false) else { return StoredAuthorities() }
        return try load(work, known)
    }

    private func load(_ work: borrowing FileWork, _ known: [SigningAuthority]) throws(AuthorityFault)
        -> StoredAuthorities
    {
        try work.checkDirectory()
        let found = try work.directories()
        guard let text = try work.text(FilePlan.index) else {
            guard found.isEmpty else {
                throw AuthorityFault("\(path) has authorities, but no \(FilePlan.index) that tells what they are")
            }
            return StoredAuthorities()
        }
        guard let index = AuthorityIndex(text) else {
            throw AuthorityFault("\(path)/\(FilePlan.index) cannot be read: it is none that this connd has written")
        }
        var stored = StoredAuthorities(index: index)
        for entry in index.authorities {
            if entry.isRetired {
                stored.retired[entry.serial] = try certificate("\(entry.serial)/\(FilePlan.root)", work)
                if try work.text("\(entry.serial)/\(FilePlan.key)") != nil { stored.leftovers.append(entry.serial) }
            } else {
                stored.signing.append(try authority(entry, work, known))
            }
        }
        let listed = Set(index.authorities.map(\.serial))
        stored.leftovers += found.filter { !listed.contains($0) }
        return stored
    }

    private func authority(
        _ entry: AuthorityIndex.Entry, _ work: borrowing FileWork, _ known: [SigningAuthority]
    ) throws(AuthorityFault) -> SigningAuthority {
        var domains: [PermittedDomain]?
        if let names = entry.domains {
            domains = names.compactMap { try? PermittedDomain(parsing: $0) }
            guard !names.isEmpty, domains?.count == names.count else {
                throw AuthorityFault("\(path)/\(FilePlan.index) names domains that are none")
            }
        }
        let root = try certificate("\(entry.serial)/\(FilePlan.root)", work)
        let intermediate = try certificate("\(entry.serial)/\(FilePlan.intermediate)", work)
        let keyName = "\(entry.serial)/\(FilePlan.key)"
        guard let text = try work.text(keyName) else { throw AuthorityFault("there is no \(path)/\(keyName)") }
        let key = try usable(keyName) { () throws(LibraryFailure) in try PrivateKey(pem: text) }
        guard intermediate.isOf(key) else {
            throw AuthorityFault("\(path)/\(keyName) is the key of another certificate than intermediate.pem's")
        }
        guard root.isIssued(by: root), intermediate.isIssued(by: root) else {
            throw AuthorityFault("\(path)/\(entry.serial)/intermediate.pem was not issued by root.pem")
        }
        let same = known.first {
            $0.serial == entry.serial && $0.signsFrom == entry.signsFrom && $0.domains == domains
                && $0.intermediate.fingerprint == intermediate.fingerprint && $0.root.fingerprint == root.fingerprint
        }
        if let same { return same }
        let leaves = try usable(keyName) { () throws(LibraryFailure) in try LeafMaker(issuer: intermediate, key: key) }
        return SigningAuthority(
            serial: entry.serial, domains: domains, root: root, intermediate: intermediate, leaves: leaves,
            created: entry.created, signsFrom: entry.signsFrom)
    }

    private func certificate(_ name: String, _ work: borrowing FileWork) throws(AuthorityFault) -> Certificate {
        guard let text = try work.text(name) else { throw AuthorityFault("there is no \(path)/\(name)") }
        return try usable(name) { () throws(LibraryFailure) in try Certificate(pem: text) }
    }

    private func usable<Value>(_ name: String, _ read: () throws(LibraryFailure) -> Value) throws(AuthorityFault)
        -> Value
    {
        do throws(LibraryFailure) { return try read() } catch {
            throw AuthorityFault("\(path)/\(name) cannot be used: \(error)")
        }
    }

    // MARK: Changing

    /// What an interrupted change has left behind, and what an authority had that signs no more: its key is overwritten.
    /// Returns which were retired.
    package func tidy(now: Int64) throws(AuthorityFault) -> [AuthorityIndex.Entry] {
        guard let work = try FileWork(path, creating: false) else { return [] }
        try work.lock()
        let stored = try load(work, [])
        let outlived = stored.index.outlived(now: now)
        if !outlived.isEmpty { try work.run(FilePlan.retire(outlived.map(\.serial), in: stored.index)) }
        let listed = Set(stored.index.authorities.map(\.serial))
        for serial in stored.leftovers {
            try work.run(listed.contains(serial) ? FilePlan.silence(serial) : FilePlan.discard(serial))
        }
        return outlived
    }

    /// Makes an authority and keeps it. `domains`: those of the entry; nil: without name constraints. `host`: for its name.
    package func create(_ entry: AuthorityIndex.Entry, for domains: [PermittedDomain]?, host: String)
        throws(AuthorityFault)
    {
        let new: NewAuthority
        do throws(LibraryFailure) {
            new = try AuthorityMaker.make(for: domains, host: host, serial: entry.serial, now: entry.created)
        } catch {
            throw AuthorityFault("\(error)")
        }
        try add(new, entry)
    }

    func add(_ new: NewAuthority, _ entry: AuthorityIndex.Entry) throws(AuthorityFault) {
        guard let work = try FileWork(path, creating: true) else { return }
        try work.lock()
        let index = try load(work, []).index
        let steps: [FileStep]
        do throws(LibraryFailure) {
            steps = FilePlan.add(
                entry, root: try new.root.pem(), intermediate: try new.intermediate.pem(),
                key: try new.intermediateKey.pem(), to: index)
        } catch {
            throw AuthorityFault("\(error)")
        }
        try work.run(steps)
    }

    /// Also where nothing can be made of the files.
    package func removeAll() throws(AuthorityFault) {
        guard let work = try FileWork(path, creating: false) else { return }
        try work.lock()
        try work.run(FilePlan.removeAll(try work.directories()))
    }
}

/// What the directory holds. Value.
package struct StoredAuthorities: Sendable {
    package var index = AuthorityIndex()
    /// As the index lists them, without those that are retired.
    package var signing: [SigningAuthority] = []
    /// The roots of those that are retired, by serial.
    package var retired: [String: Certificate] = [:]
    /// Serials whose files, or key, should not be there.
    package var leftovers: [String] = []

    package init() {}

    init(index: AuthorityIndex) {
        self.index = index
    }
}
