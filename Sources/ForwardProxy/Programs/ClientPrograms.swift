package import Metering
package import ProxyTypes
package import Reactor
import Synchronization

/// Attributes the connections of clients to programs: takes what the loop tells of them, asks the kernel and /proc on another
/// thread, and keeps the counts. Shared.
///
/// A client may be gone a millisecond after it has connected, so the kernel is asked at once, for all that have come until
/// then; their processes are searched on a thread of its own. The loop only adds to lists that are bounded.
package final class ClientPrograms: Sendable {
    /// Who is at the other end of a client's connection, as far as the loop knows. Value.
    package enum Source: Sendable {
        case tcp(SocketOwners.Ends)
        /// Nil: the kernel does not tell.
        case unix(SocketOwner?)
        /// It was closed before it could be asked.
        case closed
    }

    struct Newcomer: Sendable {
        let client: UInt64
        let source: Source
    }

    private struct Inbox {
        var newcomers: [Newcomer] = []
        var uses: [ProgramUse] = []
        /// A look-up is under way, or about to begin.
        var isAtWork = false
        /// Ends of connections were dropped: clients may be taken for connected that are not.
        var hasLostEnds = false
        var droppedUses = 0
    }

    private let inbox = Mutex(Inbox())
    /// Held while the kernel is asked, which does not take long: a client that is gone by then cannot be attributed.
    private let lookUp: Mutex<ProgramLookUp>
    /// Held while processes are searched.
    private let hunt: Mutex<ProcessHunt>
    private let sought = Mutex<[ProgramLookUp.Sought]>([])
    private let table = Mutex(ProgramTable())
    private let processorTime = Mutex(Interval.zero)
    private let workers = WorkerPool(limit: 1)
    private let hunters = WorkerPool(limit: 1)
    private let clock: @Sendable () -> Instant

    private static let mostNewcomers = 4096
    private static let mostUses = 65_536
    /// Uses wait for the next newcomer or the next `look`, unless they are as many as this.
    private static let manyUses = 512

    package init(search: ProgramSearch, clock: @escaping @Sendable () -> Instant = SystemClock.instant) {
        lookUp = Mutex(ProgramLookUp(search: search))
        hunt = Mutex(ProcessHunt(search: search))
        self.clock = clock
    }

    // MARK: The loop's side

    package func opened(_ client: UInt64, _ source: Source) {
        let begins = inbox.withLock { inbox in
            // It is taken for unknown when its use is told.
            guard inbox.newcomers.count < Self.mostNewcomers else { return false }
            inbox.newcomers.append(Newcomer(client: client, source: source))
            return Self.begin(&inbox)
        }
        if begins { start() }
    }

    package func used(_ use: ProgramUse) {
        let begins = inbox.withLock { inbox in
            guard inbox.uses.count < Self.mostUses else {
                inbox.droppedUses += 1
                if use.isLast { inbox.hasLostEnds = true }
                return false
            }
            inbox.uses.append(use)
            return inbox.uses.count >= Self.manyUses && Self.begin(&inbox)
        }
        if begins { start() }
    }

    private static func begin(_ inbox: inout Inbox) -> Bool {
        defer { inbox.isAtWork = true }
        return !inbox.isAtWork
    }

    // MARK: The worker's side

    private func start() {
        workers.run { self.workOff() }
    }

    private func workOff() {
        while true {
            let (newcomers, uses) = inbox.withLock { inbox in
                defer {
                    inbox.newcomers.removeAll()
                    inbox.uses.removeAll()
                }
                if inbox.newcomers.isEmpty, inbox.uses.isEmpty { inbox.isAtWork = false }
                return (inbox.newcomers, inbox.uses)
            }
            if newcomers.isEmpty, uses.isEmpty { break }
            work(on: newcomers, uses)
        }
    }

    private func work(on newcomers: [Newcomer], _ uses: [ProgramUse]) {
        measured {
            let now = clock()
            let (found, sought) = lookUp.withLock { $0.identify(newcomers, now: now) }
            table.withLock { table in
                for newcomer in newcomers { table.opened(newcomer.client) }
                Self.add(found, to: &table, now: now)
                for use in uses { table.used(use, now: now) }
            }
            guard !sought.isEmpty else { return }
            let begins = self.sought.withLock { waiting in
                defer { waiting += sought }
                return waiting.isEmpty
            }
            if begins { hunters.run { self.search() } }
        }
    }

    /// For all that are sought by now.
    private func search() {
        measured {
            let sought = self.sought.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            let now = clock()
            let found = hunt.withLock { hunt in
                let found = hunt.find(sought, now: now)
                return found + hunt.searchAll(now: now)
            }
            table.withLock { Self.add(found, to: &$0, now: now) }
        }
    }

    private static func add(_ found: [ProgramLookUp.Found], to table: inout ProgramTable, now: Instant) {
        for client in found {
            table.identified(client.client, client.key, client.facts, client.attribution, now: now)
        }
    }

    private func measured(_ work: () -> Void) {
        let begun = ProcessorTime.ofThread()
        work()
        let time = ProcessorTime.ofThread() - begun
        processorTime.withLock { $0 = $0 + time }
    }

    /// To be called every second or so: counts what was told until now, and searches for what was not found at once.
    package func look() async {
        await Self.run(on: workers) { self.workOff() }
        await Self.run(on: hunters) { self.search() }
    }

    private static func run(on pool: WorkerPool, _ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            pool.run {
                work()
                continuation.resume()
            }
        }
    }

    /// Whether `keepOnly` is due.
    package var needsLiving: Bool { inbox.withLock { $0.hasLostEnds } }

    /// `living`: all clients that came before `next` and are connected.
    package func keepOnly(_ living: Set<UInt64>, before next: UInt64) {
        inbox.withLock { $0.hasLostEnds = false }
        let now = clock()
        table.withLock { $0.keepOnly(living, before: next, now: now) }
    }

    package func forgetAll() {
        table.withLock { $0.removeAll() }
    }

    // MARK: Reports

    package func read<Result: Sendable>(_ body: (borrowing ProgramTable) -> Result) -> Result {
        table.withLock { body($0) }
    }

    /// What the look-ups have cost.
    package var timeTaken: Interval { processorTime.withLock { $0 } }
    /// Reports of connections that were lost because too many waited.
    package var dropped: Int { inbox.withLock { $0.droppedUses } }
}
