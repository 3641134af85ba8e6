package import ProxyTypes

/// What the programs behind clients' connections have asked for, and of which origins. Bounded: programs beyond are counted
/// together, of each program's origins the least busy ones. Pure; owns its memory.
package struct ProgramTable: Sendable {
    /// Counts since connd was started, and rates. Value.
    package struct Counts: Hashable, Sendable {
        package var requests = 0
        /// Clients' connections; of an origin those that have asked it.
        package var connections = 0
        package var errors = 0
        package var requestRate = MinuteRate()
        package var connectionRate = MinuteRate()

        package init() {}

        package static func += (a: inout Counts, b: Counts) {
            a.requests += b.requests
            a.connections += b.connections
            a.errors += b.errors
            a.requestRate += b.requestRate
            a.connectionRate += b.connectionRate
        }

        fileprivate mutating func add(requests: Int, connections: Int, errors: Int, now: Instant) {
            self.requests += requests
            self.connections += connections
            self.errors += errors
            if requests > 0 { requestRate.add(requests, now: now) }
            if connections > 0 { connectionRate.add(connections, now: now) }
        }
    }

    package struct Program: Sendable {
        package let key: ProgramKey
        package var counts = Counts()
        /// Connected now.
        package var open = 0
        package var origins: [Origin: Counts] = [:]
        /// Of origins that are not kept.
        package var otherOrigins = Counts()
        /// Of the process that connected last, as far as it is known.
        package var facts = ProgramFacts()
        fileprivate var lastUse = Instant.zero
        /// What was counted before its name had a series: another series has it, which must not fall.
        fileprivate var beforeSeries = Counts()

        fileprivate init(key: ProgramKey) {
            self.key = key
        }
    }

    private enum Client {
        case known(Int)
        /// It is still looked up: what it has done until then.
        case waiting([ProgramUse])
    }

    private var clients: [UInt64: Client] = [:]
    private var gone = GoneClients()
    private var latest = LatestProgram()
    private var slots: [Program] = [Program(key: .other), Program(key: .unknown)]
    private var index: [ProgramKey: Int] = [.other: 0, .unknown: 1]
    /// Names with series of their own, which they keep while they are used.
    private var named: Set<String> = []
    /// Until then no name is looked for that could give up its series.
    private var nextNaming = Instant.zero
    /// What programs that have lost their place had counted under these names: their series must not fall.
    private var retired: [String: ProgramSeries] = [:]
    package private(set) var total = Counts()
    package private(set) var attributions = Counters<Attribution>()

    package static let mostPrograms = 256
    package static let mostOrigins = 32
    package static let mostSeries = 50
    /// A program that was used more recently keeps its place.
    package static let kept = Interval.minutes(10)
    /// A name that was used more recently keeps its series.
    package static let seriesKept = Interval.minutes(60)
    private static let namingPause = Interval.minutes(1)

    package init() {}

    // MARK: What happens

    /// A client has connected, and its program is looked up.
    package mutating func opened(_ client: UInt64) {
        clients[client] = .waiting([])
    }

    package mutating func identified(
        _ client: UInt64, _ key: ProgramKey, _ facts: ProgramFacts, _ attribution: Attribution, now: Instant
    ) {
        guard case .waiting(let uses)? = clients[client] else { return }
        let (key, attribution) = judge(key, attribution, now: now)
        attributions[attribution] += 1
        let slot = slot(of: key, now: now)
        name(slots[slot].key, now: now)
        slots[slot].counts.add(requests: 0, connections: 1, errors: 0, now: now)
        total.add(requests: 0, connections: 1, errors: 0, now: now)
        slots[slot].open += 1
        slots[slot].lastUse = now
        if facts != ProgramFacts() { slots[slot].facts = facts }
        clients[client] = .known(slot)
        for use in uses { used(use, now: now) }
    }

    private mutating func judge(
        _ key: ProgramKey, _ attribution: Attribution, now: Instant
    ) -> (ProgramKey, Attribution) {
        switch attribution {
        case .found: latest.found(key, now: now)
        case .gone, .processNotFound:
            if let assumed = latest.assumption(user: key.user, now: now) { return (assumed, .assumed) }
        // They say who it is not, or nothing.
        case .assumed, .userOnly, .remote, .tooMany, .failed: break
        }
        return (key, attribution)
    }

    /// A client of which nothing was told before has an unknown program.
    package mutating func used(_ use: ProgramUse, now: Instant) {
        switch clients[use.client] {
        case nil:
            opened(use.client)
            identified(use.client, .unknown, ProgramFacts(), .tooMany, now: now)
            used(use, now: now)
        case .waiting(var uses):
            // Out of the table, or the copy would not be alone.
            clients[use.client] = .waiting([])
            uses.append(use)
            clients[use.client] = .waiting(uses)
        case .known(let slot):
            count(use, in: slot, now: now)
            guard use.isLast else { return }
            slots[slot].open -= 1
            clients[use.client] = nil
            gone.add(use.client, slots[slot].key)
        }
    }

    /// Where ends of connections could not be told: drops the clients that are not among these and came before `next`.
    package mutating func keepOnly(_ living: Set<UInt64>, before next: UInt64, now: Instant) {
        for client in clients.keys where client < next && !living.contains(client) {
            used(ProgramUse(client: client, isLast: true), now: now)
        }
    }

    package mutating func removeAll() {
        self = ProgramTable()
    }

    // MARK: Counting

    private mutating func count(_ use: ProgramUse, in slot: Int, now: Instant) {
        var (requests, errors) = (use.requests, use.errors)
        if let part = use.part { count(part, in: slot, &requests, &errors, now: now) }
        for part in use.others { count(part, in: slot, &requests, &errors, now: now) }
        slots[slot].counts.add(requests: requests, connections: 0, errors: errors, now: now)
        total.add(requests: requests, connections: 0, errors: errors, now: now)
        slots[slot].lastUse = now
    }

    private mutating func count(
        _ part: ProgramUse.Part, in slot: Int, _ requests: inout Int, _ errors: inout Int, now: Instant
    ) {
        requests += part.requests
        errors += part.errors
        if slots[slot].origins[part.origin] == nil { makeRoom(in: slot, now: now) }
        slots[slot].origins[part.origin, default: Counts()].add(
            requests: part.requests, connections: part.isFirst ? 1 : 0, errors: part.errors, now: now)
    }

    /// The origin goes that was asked least within a minute, then the one that was asked least at all.
    private mutating func makeRoom(in slot: Int, now: Instant) {
        guard slots[slot].origins.count >= Self.mostOrigins else { return }
        let least = slots[slot].origins.min { a, b in
            Self.business(a.value, now: now) < Self.business(b.value, now: now)
        }
        guard let least else { return }
        slots[slot].otherOrigins += least.value
        slots[slot].origins[least.key] = nil
    }

    /// Within a minute, and at all.
    fileprivate static func business(_ counts: Counts, now: Instant) -> (Double, Int) {
        (
            counts.requestRate.value(now: now) + counts.connectionRate.value(now: now),
            counts.requests + counts.connections
        )
    }

    // MARK: Places

    private mutating func slot(of key: ProgramKey, now: Instant) -> Int {
        if let known = index[key] { return known }
        guard slots.count < Self.mostPrograms + 2 else { return replace(with: key, now: now) }
        index[key] = slots.count
        slots.append(Program(key: key))
        return slots.count - 1
    }

    private mutating func replace(with key: ProgramKey, now: Instant) -> Int {
        let unused = slots.indices.dropFirst(2).filter { slots[$0].open == 0 && now - slots[$0].lastUse >= Self.kept }
        guard let oldest = unused.min(by: { slots[$0].lastUse < slots[$1].lastUse }) else { return 0 }
        let gone = slots[oldest]
        if named.contains(gone.key.name) {
            retired[gone.key.name, default: ProgramSeries(name: gone.key.name)].add(gone)
        }
        slots[0].counts += gone.counts
        slots[0].otherOrigins += gone.otherOrigins
        for counts in gone.origins.values { slots[0].otherOrigins += counts }
        index[gone.key] = nil
        index[key] = oldest
        slots[oldest] = Program(key: key)
        return oldest
    }

    private mutating func name(_ key: ProgramKey, now: Instant) {
        guard key != .other, key != .unknown, !named.contains(key.name) else { return }
        if named.count >= Self.mostSeries { giveUpName(now: now) }
        guard named.count < Self.mostSeries else { return }
        named.insert(key.name)
        for slot in slots.indices where slots[slot].key.name == key.name {
            slots[slot].beforeSeries = slots[slot].counts
        }
    }

    /// What was counted under it goes to the rest, which may rise. If it comes back, it begins anew.
    private mutating func giveUpName(now: Instant) {
        guard now >= nextNaming else { return }
        nextNaming = now + Self.namingPause
        var used = Dictionary(uniqueKeysWithValues: named.map { ($0, Instant.zero) })
        for program in slots where used[program.key.name] != nil {
            used[program.key.name] = max(used[program.key.name] ?? .zero, program.open > 0 ? now : program.lastUse)
        }
        guard let oldest = used.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return }
        guard now - oldest.value >= Self.seriesKept else { return }
        named.remove(oldest.key)
        retired[oldest.key] = nil
    }
}

/// The programs of the clients that have gone last. Value.
private struct GoneClients {
    private var keys: [UInt64: ProgramKey] = [:]
    /// A ring.
    private var order: [UInt64] = []
    private var next = 0

    private static let most = 4096

    mutating func add(_ client: UInt64, _ key: ProgramKey) {
        keys[client] = key
        guard order.count >= Self.most else { return order.append(client) }
        keys[order[next]] = nil
        order[next] = client
        next = (next + 1) % Self.most
    }

    func program(of client: UInt64) -> ProgramKey? { keys[client] }
}

// MARK: Reports

extension ProgramTable {
    /// Nil where it is still being looked up, or went too long ago.
    package func program(of client: UInt64) -> ProgramKey? {
        switch clients[client] {
        case .known(let slot): slots[slot].key
        case .waiting: nil
        case nil: gone.program(of: client)
        }
    }

    /// Connections that are still looked up.
    package var waiting: Int {
        clients.values.count { if case .waiting = $0 { true } else { false } }
    }

    /// Those that have been seen, the busiest first.
    package func programs(now: Instant) -> [Program] {
        let seen = slots.filter { $0.counts.connections + $0.counts.requests > 0 }
        return Self.sorted(seen.map { Ranked($0, $0.counts, name: $0.key.name, now: now) })
    }

    /// Sorted by what was done within a minute, then by all that was done, then by name. Value.
    fileprivate struct Ranked<Value> {
        let value: Value
        let recent: Double
        let all: Int
        let name: String

        init(_ value: Value, _ counts: Counts, name: String, now: Instant) {
            self.value = value
            (recent, all) = ProgramTable.business(counts, now: now)
            self.name = name
        }
    }

    fileprivate static func sorted<Value>(_ values: [Ranked<Value>]) -> [Value] {
        let sorted = values.sorted { a, b in
            if a.recent != b.recent { return a.recent > b.recent }
            if a.all != b.all { return a.all > b.all }
            return a.name < b.name
        }
        return sorted.map(\.value)
    }

    /// One series for each name that has one, and `other` for all the rest. By name.
    package var series: [ProgramSeries] {
        var byName = retired
        for program in slots where program.key == .unknown || named.contains(program.key.name) {
            byName[program.key.name, default: ProgramSeries(name: program.key.name)].add(program)
        }
        var other = ProgramSeries(name: ProgramKey.other.name)
        other.add(total, open: slots.reduce(0) { $0 + $1.open })
        for series in byName.values { other.remove(series) }
        return (byName.values + [other]).filter { $0.connections + $0.requests > 0 }.sorted { $0.name < $1.name }
    }
}

extension ProgramTable.Program {
    /// The busiest first.
    package func busiestOrigins(now: Instant) -> [(origin: Origin, counts: ProgramTable.Counts)] {
        let all = origins.map { entry in (origin: entry.key, counts: entry.value) }
        return ProgramTable.sorted(
            all.map { ProgramTable.Ranked($0, $0.counts, name: $0.origin.description, now: now) })
    }
}

/// The values of one `program` label. Value.
package struct ProgramSeries: Hashable, Sendable {
    package let name: String
    package private(set) var requests = 0
    package private(set) var connections = 0
    package private(set) var errors = 0
    package private(set) var open = 0

    fileprivate init(name: String) {
        self.name = name
    }

    fileprivate mutating func add(_ program: ProgramTable.Program) {
        add(program.counts, open: program.open)
        requests -= program.beforeSeries.requests
        connections -= program.beforeSeries.connections
        errors -= program.beforeSeries.errors
    }

    fileprivate mutating func add(_ counts: ProgramTable.Counts, open: Int) {
        requests += counts.requests
        connections += counts.connections
        errors += counts.errors
        self.open += open
    }

    fileprivate mutating func remove(_ part: ProgramSeries) {
        requests -= part.requests
        connections -= part.connections
        errors -= part.errors
        open -= part.open
    }
}
