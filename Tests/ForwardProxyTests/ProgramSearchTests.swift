import ProxyTypes
import Reactor
import TestSupport
import Testing

@testable import ForwardProxy

#if canImport(Glibc)
    import Glibc
#endif

@Suite("The program behind a connection")
struct ProgramSearchTests {
    private let user = geteuid()

    /// A socket of this process, with its inode.
    private func withSocket(_ body: (UInt32) throws -> Void) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        try body(UInt32(status.st_ino))
    }

    @Test("is found by a socket that it holds, the second time among the latest")
    func bySocket() throws {
        let search = ProgramSearch(longest: .seconds(60))
        try withSocket { inode in
            let owner = SocketOwner(user: user, process: .socket(inode: inode))
            #expect(search.maySearch(for: owner))
            let found = search.program(of: owner)
            #expect(found == search.program(of: SocketOwner(user: user, process: .number(getpid()))) && found != nil)
            #expect(search.program(of: owner) == found)
            // Its processes are another user's.
            #expect(search.program(of: SocketOwner(user: user &+ 1, process: .socket(inode: inode))) == nil)
        }
        #expect(search.program(of: SocketOwner(user: user, process: .socket(inode: 1))) == nil)
    }

    @Test("is not looked for where connd may not look")
    func mayNot() {
        let search = ProgramSearch(ownUser: 990)
        #expect(search.maySearch(for: SocketOwner(user: 990, process: .number(1))))
        #expect(!search.maySearch(for: SocketOwner(user: 1000, process: .number(1))))
        #expect(!search.maySearch(for: SocketOwner(user: 990, process: .unknown)))
        #expect(ProgramSearch(ownUser: 0).maySearch(for: SocketOwner(user: 1000, process: .socket(inode: 1))))
    }

    @Test(
        "is named by its executable, else by its command line, else by what the kernel calls it",
        arguments: [
            ("/usr/lib/jvm/bin/java", "x\0", "y\n", "java"), ("/usr/bin/curl (deleted)", nil, nil, "curl"),
            (nil, "/usr/bin/python3\0-m\0x\0", "python\n", "python3"), (nil, nil, "kworker\n", "kworker"),
            (nil, "", "comm\n", "comm"), (nil, nil, nil, nil),
        ] as [(String?, String?, String?, String?)])
    func names(exe: String?, cmdline: String?, comm: String?, wanted: String?) throws {
        let folder = try ScratchFolder()
        let process = folder.path + "/77"
        mkdir(process, 0o755)
        if let exe { symlink(exe, process + "/exe") }
        if let cmdline { try folder.write("77/cmdline", cmdline) }
        if let comm { try folder.write("77/comm", comm) }
        let search = ProgramSearch(procfs: folder.path, longest: .seconds(60))
        #expect(search.program(of: SocketOwner(user: user, process: .number(77))) == wanted)
    }

    @Test("the newest process that holds the socket is the client")
    func newest() throws {
        let folder = try ScratchFolder()
        for (number, inode) in [(9, 5), (10, 5), (11, 6), (12, 7)] {
            mkdir("\(folder.path)/\(number)", 0o755)
            mkdir("\(folder.path)/\(number)/fd", 0o755)
            symlink("socket:[\(inode)]", "\(folder.path)/\(number)/fd/3")
            symlink("/bin/p\(number)", "\(folder.path)/\(number)/exe")
        }
        try folder.write("version", "not a process")
        let search = ProgramSearch(procfs: folder.path, longest: .seconds(60))
        let found = [5, 6, 7, 8].map { search.program(of: SocketOwner(user: user, process: .socket(inode: $0))) }
        #expect(found == ["p10", "p11", "p12", nil])
    }

    @Test("the likely processes are those that were clients before, and the newest")
    func likely() throws {
        let folder = try ScratchFolder()
        func process(_ number: Int, _ sockets: [Int: Int]) {
            mkdir("\(folder.path)/\(number)", 0o755)
            mkdir("\(folder.path)/\(number)/fd", 0o755)
            for (descriptor, inode) in sockets {
                unlink("\(folder.path)/\(number)/fd/\(descriptor)")
                symlink("socket:[\(inode)]", "\(folder.path)/\(number)/fd/\(descriptor)")
            }
        }
        try folder.write("loadavg", "0.00 0.00 0.00 1/100 5000\n")
        process(300, [3: 1, 4: 2])
        process(4990, [7: 3])
        let search = ProgramSearch(procfs: folder.path, longest: .seconds(60))
        let sockets: [UInt32: UInt32] = [1: user, 2: user, 3: user]
        #expect(search.holders(of: sockets, .likely) == [3: 4990])
        #expect(search.holders(of: sockets, .all) == [1: 300, 2: 300, 3: 4990])
        // Now it is known, whichever descriptor it is.
        process(300, [3: 10, 9: 11])
        #expect(search.holders(of: [10: user, 11: user], .likely) == [10: 300, 11: 300])
        #expect(search.holders(of: [10: user &+ 1], .all).isEmpty)
        // A thread of it has a number too.
        process(4999, [6: 30])
        try folder.write("4999/status", "Name:\tx\nTgid:\t300\nPid:\t4999\n")
        #expect(search.holders(of: [30: user], .likely) == [30: 300])
        // One that it has started holds the same socket still.
        process(4995, [5: 20])
        process(300, [5: 20])
        try folder.write("4995/stat", "4995 (a) b)) R 300 1 1\n")
        #expect(search.holders(of: [20: user], .likely) == [20: 300])
    }
}

@Suite("Control groups")
struct ControlGroupTests {
    private static func number(of path: String) -> UInt64 {
        var status = stat()
        stat(path, &status)
        return UInt64(status.st_ino)
    }

    @Test("have the units that their folders are named after, also those that come later")
    func units() throws {
        let folder = try ScratchFolder()
        let slice = folder.path + "/system.slice"
        for path in [slice, slice + "/a.service", slice + "/a.service/inner"] { mkdir(path, 0o755) }
        var groups = ControlGroups(mounts: "proc /proc proc rw 0 0\ncgroup2 \(folder.path) cgroup2 rw 0 0\n")
        let now = Instant.zero
        #expect(groups.unit(of: Self.number(of: slice + "/a.service/inner"), now: now) == "a.service")
        #expect(groups.unit(of: Self.number(of: slice), now: now) == nil)
        mkdir(slice + "/b.service", 0o755)
        let new = Self.number(of: slice + "/b.service")
        // The folders are not read for each unknown one.
        #expect(groups.unit(of: new, now: now + .seconds(1)) == nil)
        #expect(groups.unit(of: new, now: now + .seconds(2)) == "b.service")
        #expect(groups.unit(of: 0, now: now) == nil)
        var none = ControlGroups(mounts: "proc /proc proc rw 0 0\n")
        #expect(none.unit(of: new, now: now) == nil)
    }
}
