package import Metering
package import ProxyTypes
package import Reactor
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Finds the programs that hold sockets, in /proc. Shared; not to be called on the loop, but for `maySearch`.
///
/// Only processes that this one may look into are found: as root all, as any other user those of the same user. Where they are
/// many, to look at all takes long, so those are asked first that are likely: at the descriptor that was a client's socket
/// before, then the newest processes, then the other descriptors of those that were clients before.
package final class ProgramSearch: Sendable {
    package enum Effort: Sendable {
        /// Only where a client is likely to be.
        case likely
        /// All processes.
        case all
    }

    private struct Known {
        let process: Int32
        let user: UInt32
        /// That was a client's socket; the next one often has the same number.
        var descriptor: Int32
    }

    private struct State {
        /// Those that were found lately, the last one first: a program opens more than one connection.
        var recent: [Known] = []
        var facts: [Int32: (facts: ProgramFacts, time: Instant)] = [:]
    }

    private let files: ProcessFiles
    private let ownUser: UInt32
    private let maySeeAll: Bool
    private let longest: Interval
    private let state = Mutex(State())

    private static let mostRecent = 32
    private static let mostProcesses = 4096
    /// Numbers below the latest one that are tried; threads have some of them.
    private static let mostNew: Int32 = 64
    /// How much of the processor's time a search of the likely processes may take.
    private static let longestLikely = Interval.milliseconds(5)
    private static let mostFacts = 256
    /// For so long a process is what it was: a number is not given again so soon, and few programs become another.
    private static let factsHold = Interval.seconds(1)

    /// `longest`: how much of the processor's time a search of all processes may take.
    package init(procfs: String = "/proc", ownUser: UInt32 = geteuid(), longest: Interval = .milliseconds(50)) {
        files = ProcessFiles(root: procfs)
        self.ownUser = ownUser
        self.longest = longest
        maySeeAll = ownUser == 0
    }

    package func maySearch(user: UInt32) -> Bool { maySeeAll || user == ownUser }

    package func maySearch(for owner: SocketOwner) -> Bool { owner.process != .unknown && maySearch(user: owner.user) }

    /// The file name of its executable, or what comes closest.
    package func program(of owner: SocketOwner) -> String? {
        switch owner.process {
        case .unknown: return nil
        case .number(let process): return files.user(of: process) == owner.user ? files.name(of: process) : nil
        case .socket(let inode):
            return holders(of: [inode: owner.user], .all)[inode].flatMap { files.name(of: $0) }
        }
    }

    /// What is known of a process of this user; nil where there is none.
    package func facts(of process: Int32, user: UInt32, now: Instant) -> ProgramFacts? {
        let known = state.withLock { $0.facts[process] }
        if let known, now - known.time < Self.factsHold { return known.facts }
        guard files.user(of: process) == user else { return nil }
        let facts = ProgramFacts(
            process: process, executable: files.name(of: process), unit: files.unit(of: process))
        state.withLock { state in
            if state.facts.count >= Self.mostFacts { state.facts.removeAll(keepingCapacity: true) }
            state.facts[process] = (facts, now)
        }
        return facts
    }

    // MARK: Processes

    /// The processes that hold these sockets, by inode. `sockets`: their users by inode.
    package func holders(of sockets: [UInt32: UInt32], _ effort: Effort) -> [UInt32: Int32] {
        var hunt = Hunt(sockets, files: files)
        hunt.allow(Self.longestLikely)
        let known = state.withLock { $0.recent }
        let gone = hunt.tryDescriptors(of: known)
        if !hunt.isOver, let latest = files.latest() {
            for process in stride(from: latest, to: max(latest - Self.mostNew, 0), by: -1) where !hunt.isOver {
                hunt.look(at: process)
            }
        }
        for process in known.map(\.process) where !hunt.isOver { hunt.look(at: process) }
        if effort == .all, !hunt.left.isEmpty {
            hunt.allow(longest)
            for process in files.all().prefix(Self.mostProcesses) where !hunt.isOver { hunt.look(at: process) }
        }
        remember(hunt.found, without: gone)
        return hunt.holders
    }

    private func remember(_ found: [Known], without gone: Set<Int32>) {
        guard !found.isEmpty || !gone.isEmpty else { return }
        state.withLock { state in
            state.recent.removeAll { known in
                gone.contains(known.process) || found.contains { $0.process == known.process }
            }
            state.recent.insert(contentsOf: found.prefix(Self.mostRecent).reversed(), at: 0)
            if state.recent.count > Self.mostRecent { state.recent.removeLast(state.recent.count - Self.mostRecent) }
        }
    }

    /// A search for the processes of several sockets at once. Value.
    private struct Hunt {
        private let files: ProcessFiles
        private(set) var left: [UInt32: UInt32]
        private(set) var holders: [UInt32: Int32] = [:]
        /// Each process once, as it was found last.
        private(set) var found: [Known] = []
        private let users: Set<UInt32>
        private var seen: Set<Int32> = []
        private var deadline = Interval.zero
        private var isLate = false

        init(_ sockets: [UInt32: UInt32], files: ProcessFiles) {
            left = sockets
            users = Set(sockets.values)
            self.files = files
        }

        var isOver: Bool { left.isEmpty || isLate }

        /// So much more of the processor's time.
        mutating func allow(_ time: Interval) {
            deadline = ProcessorTime.ofThread() + time
            isLate = false
        }

        /// Returns the processes that have ended.
        mutating func tryDescriptors(of known: [Known]) -> Set<Int32> {
            var gone: Set<Int32> = []
            for known in known where users.contains(known.user) && !isOver {
                if let inode = files.socket(of: known.process, known.descriptor) {
                    take(inode, known.process, user: known.user, known.descriptor)
                } else if files.user(of: known.process) != known.user {
                    gone.insert(known.process)
                }
                checkTime()
            }
            return gone
        }

        mutating func look(at process: Int32) {
            guard seen.insert(process).inserted else { return }
            defer { checkTime() }
            guard let user = files.user(of: process), users.contains(user) else { return }
            var count = 0
            files.eachSocket(of: process) { descriptor, inode in
                if left[inode] == user {
                    take(inode, owner(of: inode, descriptor, heldBy: process, user), user: user, descriptor)
                }
                count += 1
                if count % 64 == 0 { checkTime() }
                return !isOver
            }
            // Not to its end: it is looked at again where there is more time.
            if isLate { seen.remove(process) }
        }

        /// A process that was just started has the sockets of the one that started it, until it becomes another program.
        private func owner(of inode: UInt32, _ descriptor: Int32, heldBy process: Int32, _ user: UInt32) -> Int32 {
            var owner = files.leader(of: process) ?? process
            for _ in 0..<4 {
                guard let parent = files.parent(of: owner), parent > 0, files.user(of: parent) == user,
                    files.socket(of: parent, descriptor) == inode
                else { break }
                owner = parent
            }
            return owner
        }

        private mutating func take(_ inode: UInt32, _ process: Int32, user: UInt32, _ descriptor: Int32) {
            guard left[inode] == user else { return }
            left[inode] = nil
            holders[inode] = process
            found.removeAll { $0.process == process }
            found.append(Known(process: process, user: user, descriptor: descriptor))
        }

        private mutating func checkTime() {
            if ProcessorTime.ofThread() >= deadline { isLate = true }
        }
    }
}

/// Of this thread's work, so that a busy host does not cut searches short.
enum ProcessorTime {
    static func ofThread() -> Interval {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(Int64(time.tv_sec)) + Interval(nanoseconds: Int64(time.tv_nsec))
    }
}
