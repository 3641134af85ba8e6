package import Reactor
package import ProxyTypes
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Finds the program that holds a socket, in /proc. Shared; not to be called on the loop, but for `maySearch`.
///
/// Only processes that this one may look into are found: as root all, as any other user those of the same user.
package final class ProgramSearch: Sendable {
    private let procfs: String
    private let ownUser: UInt32
    private let longest: Interval
    /// The latest ones that were found: a program opens more than one connection.
    private let recent = Mutex<[Int32]>([])

    private static let mostRecent = 8
    private static let mostProcesses = 4096

    /// `longest`: how much of the processor's time a search may take.
    package init(procfs: String = "/proc", ownUser: UInt32 = geteuid(), longest: Interval = .milliseconds(50)) {
        self.procfs = procfs
        self.ownUser = ownUser
        self.longest = longest
    }

    package func maySearch(for owner: SocketOwner) -> Bool {
        owner.process != .unknown && (ownUser == 0 || owner.user == ownUser)
    }

    /// The file name of its executable, or what comes closest.
    package func program(of owner: SocketOwner) -> String? {
        switch owner.process {
        case .unknown: return nil
        case .number(let process): return isOf(owner.user, process) ? name(of: process) : nil
        case .socket(let inode):
            guard let process = holder(of: "socket:[\(inode)]", user: owner.user) else { return nil }
            recent.withLock { recent in
                recent.removeAll { $0 == process }
                recent.insert(process, at: 0)
                if recent.count > Self.mostRecent { recent.removeLast() }
            }
            return name(of: process)
        }
    }

    // MARK: The process

    /// The newest ones are asked first: most clients have just begun.
    private func holder(of link: String, user: UInt32) -> Int32? {
        let deadline = Self.clock() + longest
        if let known = recent.withLock({ $0 }).first(where: { isOf(user, $0) && holds($0, link) }) { return known }
        var asked = 0
        for process in processes() where isOf(user, process) {
            if holds(process, link) { return process }
            asked += 1
            guard asked < Self.mostProcesses, Self.clock() < deadline else { return nil }
        }
        return nil
    }

    private func processes() -> [Int32] {
        names(in: procfs).compactMap { DecimalText.parse($0).flatMap { Int32(exactly: $0) } }.sorted(by: >)
    }

    /// Of the effective user; a process that hides its memory counts as root's.
    private func isOf(_ user: UInt32, _ process: Int32) -> Bool {
        var status = stat()
        return stat("\(procfs)/\(process)", &status) == 0 && status.st_uid == user
    }

    private func holds(_ process: Int32, _ link: String) -> Bool {
        let folder = "\(procfs)/\(process)/fd"
        return names(in: folder).contains { target(of: "\(folder)/\($0)") == link }
    }

    // MARK: Its name

    private func name(of process: Int32) -> String? {
        if let path = target(of: "\(procfs)/\(process)/exe") {
            // An upgrade has replaced the file since.
            let deleted = " (deleted)"
            return Self.fileName(path.hasSuffix(deleted) ? String(path.dropLast(deleted.count)) : path)
        }
        if let command = text(of: "\(procfs)/\(process)/cmdline"),
            let first = command.split(separator: "\0", omittingEmptySubsequences: false).first,
            let name = Self.fileName(String(first))
        {
            return name
        }
        let called = text(of: "\(procfs)/\(process)/comm")?.split(separator: "\n").first
        return called.flatMap { Self.fileName(String($0)) }
    }

    private static func fileName(_ path: String) -> String? {
        path.split(separator: "/").last.map(String.init)
    }

    // MARK: Files

    /// Of this thread's work, so that a busy host does not cut searches short.
    private static func clock() -> Interval {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(Int64(time.tv_sec)) + Interval(nanoseconds: Int64(time.tv_nsec))
    }

    private func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private func target(of path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { room in
            guard let base = room.baseAddress else { return nil }
            let count = readlink(path, base, room.count)
            return count < 0 ? nil : String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
        }
    }

    /// Its first bytes.
    private func text(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
            let count = read(file, room.baseAddress, room.count)
            guard count > 0 else { return nil }
            return String(decoding: UnsafeRawBufferPointer(rebasing: room[..<count]), as: UTF8.self)
        }
    }
}
