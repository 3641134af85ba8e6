import Metering
import ProxyTypes
import Reactor

/// Finds the programs behind many connections at once, with bounded effort. Value; not to be used on the loop.
///
/// ```
///   newcomer ─▶ socket open ── of a service ───────────▶ found
///                    │  ────── process likely to have it ▶ found
///                    │  ────── none such ──▶ deferred ─▶ all processes are searched ─▶ found, or process_not_found
///                    └──────── of a user whose processes are hidden ▶ user_only
///            ─▶ closed ▶ gone        ─▶ absent ▶ gone, or remote
/// ```
struct ProgramLookUp: Sendable {
    struct Found: Sendable {
        let client: UInt64
        let key: ProgramKey
        var facts = ProgramFacts()
        let attribution: Attribution
    }

    /// A socket whose process is to be found. Value.
    struct Sought: Sendable {
        let client: UInt64
        let inode: UInt32
        let user: UInt32
    }

    private let search: ProgramSearch
    private let owners = SocketOwners()
    private var groups = ControlGroups.ofHost
    private var ownAddresses: Set<IPAddress> = []
    private var nextAddresses = Instant.zero

    private static let addressPause = Interval.seconds(10)

    init(search: ProgramSearch) {
        self.search = search
    }

    // MARK: Newcomers

    /// Those of which the process decides are in `sought`: to find them takes longer than other newcomers may wait.
    mutating func identify(
        _ newcomers: [ClientPrograms.Newcomer], now: Instant
    ) -> (found: [Found], sought: [Sought]) {
        var found: [Found] = []
        found.reserveCapacity(newcomers.count)
        var ends: [SocketOwners.Ends] = []
        var clients: [UInt64] = []
        for newcomer in newcomers {
            switch newcomer.source {
            case .tcp(let both):
                ends.append(both)
                clients.append(newcomer.client)
            case .unix(let owner): found.append(identify(newcomer.client, owner, now: now))
            case .closed: found.append(Found(client: newcomer.client, key: .unknown, attribution: .gone))
            }
        }
        guard !ends.isEmpty else { return (found, []) }
        var sought: [Sought] = []
        for (place, answer) in owners.ask(ends).enumerated() {
            let client = clients[place]
            switch answer {
            case .open(let inode, let user, let group):
                if let unit = groups.unit(of: group, now: now), SystemdUnit.isService(unit) {
                    let facts = ProgramFacts(unit: unit)
                    found.append(
                        Found(client: client, key: facts.key(user: user), facts: facts, attribution: .found))
                } else if search.maySearch(user: user) {
                    sought.append(Sought(client: client, inode: inode, user: user))
                } else {
                    found.append(Found(client: client, key: .user(user), attribution: .userOnly))
                }
            case .closed: found.append(Found(client: client, key: .unknown, attribution: .gone))
            case .absent: found.append(absent(client, ends[place], now: now))
            case .failed: found.append(Found(client: client, key: .unknown, attribution: .failed))
            }
        }
        return (found, sought)
    }

    /// On a Unix socket the kernel names the process that connected.
    private func identify(_ client: UInt64, _ owner: SocketOwner?, now: Instant) -> Found {
        guard let owner else { return Found(client: client, key: .unknown, attribution: .failed) }
        guard case .number(let process) = owner.process else {
            return Found(client: client, key: .user(owner.user), attribution: .processNotFound)
        }
        guard let facts = search.facts(of: process, user: owner.user, now: now) else {
            let isHidden = !search.maySearch(user: owner.user)
            return Found(
                client: client, key: .user(owner.user), facts: ProgramFacts(process: process),
                attribution: isHidden ? .userOnly : .processNotFound)
        }
        return Found(client: client, key: facts.key(user: owner.user), facts: facts, attribution: .found)
    }

    /// A socket of this host that is absent has been closed.
    private mutating func absent(_ client: UInt64, _ ends: SocketOwners.Ends, now: Instant) -> Found {
        let address = ends.client.address
        if now >= nextAddresses {
            nextAddresses = now + Self.addressPause
            ownAddresses = Set(Interfaces.addresses())
        }
        if address.isLoopback || address == ends.server.address || ownAddresses.contains(address) {
            return Found(client: client, key: .unknown, attribution: .gone)
        }
        return Found(client: client, key: .remote(AddressClass(address)), attribution: .remote)
    }

}

/// Finds the processes that hold sockets, the likely ones at once, the others together now and then. Value; not to be used on
/// the loop.
struct ProcessHunt: Sendable {
    private typealias Found = ProgramLookUp.Found
    private typealias Sought = ProgramLookUp.Sought

    private let search: ProgramSearch
    private var deferred: [ProgramLookUp.Sought] = []
    private var nextSearch = Instant.zero
    private var nextLikely = Instant.zero

    private static let mostDeferred = 1024
    private static let searchPause = Interval.seconds(1)
    private static let longSearch = Interval.milliseconds(4)
    /// Searches of all processes take at most this part of the time.
    private static let searchShare: Int64 = 20

    init(search: ProgramSearch) {
        self.search = search
    }

    /// Those that are missing from the answer are deferred to `searchAll`.
    mutating func find(_ sought: [ProgramLookUp.Sought], now: Instant) -> [ProgramLookUp.Found] {
        guard now >= nextLikely else { return deferSearch(for: sought) }
        let begun = ProcessorTime.ofThread()
        let found = hunt(for: sought, .likely, now: now)
        let time = ProcessorTime.ofThread() - begun
        // Where processes have very many descriptors, a search finds nothing and takes long.
        if time >= Self.longSearch { nextLikely = now + Interval(nanoseconds: time.nanoseconds * Self.searchShare) }
        return found
    }

    private mutating func deferSearch(for sought: [Sought]) -> [Found] {
        let room = max(Self.mostDeferred - deferred.count, 0)
        deferred += sought.prefix(room)
        return sought.dropFirst(room).map {
            Found(client: $0.client, key: .user($0.user), attribution: .processNotFound)
        }
    }

    private mutating func hunt(for sought: [Sought], _ effort: ProgramSearch.Effort, now: Instant) -> [Found] {
        guard !sought.isEmpty else { return [] }
        let holders = search.holders(
            of: Dictionary(sought.map { ($0.inode, $0.user) }, uniquingKeysWith: { first, _ in first }), effort)
        var found: [Found] = []
        for socket in sought {
            if let process = holders[socket.inode],
                let facts = search.facts(of: process, user: socket.user, now: now)
            {
                found.append(
                    Found(client: socket.client, key: facts.key(user: socket.user), facts: facts, attribution: .found))
            } else if holders[socket.inode] == nil, effort == .likely, deferred.count < Self.mostDeferred {
                deferred.append(socket)
            } else {
                found.append(Found(client: socket.client, key: .user(socket.user), attribution: .processNotFound))
            }
        }
        return found
    }

    /// Searches all processes for those that were deferred, unless that was done a moment ago.
    mutating func searchAll(now: Instant) -> [ProgramLookUp.Found] {
        guard !deferred.isEmpty, now >= nextSearch else { return [] }
        let begun = ProcessorTime.ofThread()
        let sought = deferred
        deferred = []
        let found = hunt(for: sought, .all, now: now)
        let time = ProcessorTime.ofThread() - begun
        nextSearch = now + max(Self.searchPause, Interval(nanoseconds: time.nanoseconds * Self.searchShare))
        return found
    }
}
