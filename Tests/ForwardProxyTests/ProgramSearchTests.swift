import ForwardProxy
import ProxyTypes
import Reactor
import TestSupport
import Testing

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
}
