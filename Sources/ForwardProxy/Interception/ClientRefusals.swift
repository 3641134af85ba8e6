package import ProxyTypes

/// Which clients have refused connd's certificate for a host: after two refusals in a row within a day they are tunnelled
/// for a day. Value.
package struct ClientRefusals: Sendable {
    /// How a client refused.
    package enum Manner: Hashable, Sendable {
        /// It sent this alert.
        case alert(UInt8)
        /// It closed the connection where its first request was due.
        case closed
        /// The handshake failed otherwise.
        case failed
        /// What came where its first request was due is no HTTP.
        case notHTTP
    }

    /// One client's kind: `hello` tells TLS libraries apart.
    package struct Key: Hashable, Sendable {
        package let client: ClientIdentity
        package let hello: UInt32
        package let host: OriginHost

        package init(client: ClientIdentity, hello: UInt32, host: OriginHost) {
            self.client = client
            self.hello = hello
            self.host = host
        }
    }

    /// Refusals of one client in a row. Times are in milliseconds since 1970.
    package struct Entry: Hashable, Sendable {
        package let key: Key
        /// Of the last one.
        package var manner: Manner
        package var count: Int
        package var first: Int64
        package var last: Int64

        package init(key: Key, manner: Manner, count: Int, first: Int64, last: Int64) {
            self.key = key
            self.manner = manner
            self.count = count
            self.first = first
            self.last = last
        }

        /// Until when the client is tunnelled; nil after one refusal.
        package var splicedUntil: Int64? {
            count >= ClientRefusals.enough ? last + ClientRefusals.memory.wholeMilliseconds : nil
        }
    }

    private struct Row {
        var entry: Entry
        var last: Instant
        /// Its place in `order`.
        var number: UInt64
    }

    static let enough = 2
    static let memory = Interval.hours(24)
    private let limit: Int

    /// When each last sent a request. Unused connections are closed by programs that accept the certificate as well.
    private var accepted: [Key: Instant] = [:]
    private var rows: [Key: Row] = [:]
    /// By their last refusals, the oldest first. Pairs whose number is not that of the row are outdated.
    private var order: [(key: Key, number: UInt64)] = []
    private var first = 0
    private var number: UInt64 = 0
    private var unsaved = Unsaved.some([])

    private enum Unsaved {
        case some(Set<Key>)
        /// More than are worth telling apart.
        case all
    }

    package init(limit: Int = 10_000) {
        self.limit = limit
    }

    package func isRefusing(_ key: Key, now: Instant) -> Bool {
        guard let row = rows[key], row.entry.count >= Self.enough else { return false }
        return isCurrent(row, now)
    }

    /// `wallClock`: in milliseconds since 1970.
    package mutating func refused(_ key: Key, _ manner: Manner, now: Instant, wallClock: Int64) {
        if manner == .closed, let last = accepted[key], now < last + Self.memory { return }
        var entry = Entry(key: key, manner: manner, count: 1, first: wallClock, last: wallClock)
        if let row = rows[key], isCurrent(row, now) {
            entry.count = row.entry.count + 1
            entry.first = row.entry.first
        }
        put(entry, now)
        noteChange(key)
        while rows.count > limit, let oldest = takeOldest() { noteChange(oldest) }
    }

    /// It has sent a request. Alerts count on: programs that look the same from here may trust different roots.
    package mutating func accepted(_ key: Key, now: Instant) {
        if accepted.count >= limit, accepted[key] == nil { accepted.removeAll() }
        accepted[key] = now
        guard let row = rows[key], row.entry.manner == .closed else { return }
        rows[key] = nil
        noteChange(key)
    }

    private func isCurrent(_ row: Row, _ now: Instant) -> Bool { now < row.last + Self.memory }

    private mutating func put(_ entry: Entry, _ last: Instant) {
        number += 1
        rows[entry.key] = Row(entry: entry, last: last, number: number)
        order.append((entry.key, number))
        if order.count > 2 * limit + 64 { compact() }
    }

    private mutating func compact() {
        order = order[first...].filter { rows[$0.key]?.number == $0.number }
        first = 0
    }

    /// Nil if there is none.
    private mutating func takeOldest() -> Key? {
        while first < order.count {
            let (key, number) = order[first]
            first += 1
            if rows[key]?.number == number {
                rows[key] = nil
                return key
            }
        }
        return nil
    }
}

// MARK: Listing and forgetting

extension ClientRefusals {
    /// Those that still count, the latest first.
    package func entries(now: Instant) -> [Entry] {
        rows.values.filter { isCurrent($0, now) }.sorted { $0.number > $1.number }.map(\.entry)
    }

    /// How many clients are tunnelled because they refuse.
    package func refusing(now: Instant) -> Int {
        rows.values.count { $0.entry.count >= Self.enough && isCurrent($0, now) }
    }

    /// Of one host, or of all. Returns how many were forgotten.
    @discardableResult
    package mutating func forget(_ host: OriginHost?, now: Instant) -> Int {
        let found = rows.values.filter { host == nil || $0.entry.key.host == host }
        for row in found {
            rows[row.entry.key] = nil
            noteChange(row.entry.key)
        }
        return found.count { isCurrent($0, now) }
    }
}

// MARK: Keeping them

extension ClientRefusals {
    /// What is to be stored. Value.
    package struct Changes: Sendable {
        /// What is stored is to be dropped first.
        package var replacesAll = false
        package var puts: [Entry] = []
        package var removals: [Key] = []

        package init() {}

        package var isEmpty: Bool { !replacesAll && puts.isEmpty && removals.isEmpty }
    }

    /// Since the last call.
    package mutating func takeChanges() -> Changes {
        var changes = Changes()
        switch unsaved {
        case .all:
            changes.replacesAll = true
            changes.puts = rows.values.map(\.entry)
        case .some(let keys):
            for key in keys {
                if let row = rows[key] { changes.puts.append(row.entry) } else { changes.removals.append(key) }
            }
        }
        unsaved = .some([])
        return changes
    }

    /// What an earlier process stored; later refusals of the same clients stay as they are.
    package mutating func load(_ entries: [Entry], now: Instant, wallClock: Int64) {
        for entry in entries.sorted(by: { $0.last < $1.last }) where rows[entry.key] == nil && rows.count < limit {
            // The clock may have been set back since.
            let age = max(0, wallClock - entry.last)
            guard age < Self.memory.wholeMilliseconds else {
                noteChange(entry.key)
                continue
            }
            put(entry, Instant(nanoseconds: now.nanoseconds - Interval.milliseconds(age).nanoseconds))
        }
    }

    /// To be called where changes could not be stored.
    package mutating func storeAgain() { unsaved = .all }

    private mutating func noteChange(_ key: Key) {
        guard case .some(var keys) = unsaved else { return }
        // Otherwise the set would be copied.
        unsaved = .all
        guard keys.count < limit else { return }
        keys.insert(key)
        unsaved = .some(keys)
    }
}
