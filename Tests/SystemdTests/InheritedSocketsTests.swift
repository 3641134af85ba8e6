import Glibc
import ProxyTypes
import Systemd
import Testing

@Suite("What systemd passed is taken after a look", .serialized)
final class InheritedSocketsTests {
    /// The highest numbers there are: descriptors of other tests are numbered from the lowest on.
    private static let first: CInt = {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return CInt(min(limit.rlim_cur, 16384)) - 16
    }()

    private let folder: TemporaryFolder
    private var passed: [CInt] = []

    init() throws {
        folder = try TemporaryFolder()
    }

    deinit {
        for descriptor in passed { close(descriptor) }
    }

    /// Moves the socket to the next number of those that are passed.
    private func pass(_ descriptor: CInt) throws {
        try #require(descriptor >= 0)
        let number = Self.first + CInt(passed.count)
        // Not dup2, which would close what somebody else has there.
        try #require(fcntl(descriptor, F_DUPFD, number) == number)
        close(descriptor)
        passed.append(number)
    }

    private func take(
        _ names: String? = nil, count: String? = nil, owner: String? = "42"
    ) throws(InheritedSocketError) -> [InheritedSocket] {
        var environment = ["LISTEN_FDS": count ?? "\(passed.count)"]
        environment["LISTEN_PID"] = owner
        environment["LISTEN_FDNAMES"] = names
        return try InheritedSockets.take(environment: environment, processID: 42, first: Self.first)
    }

    @Test("every listening stream socket comes with its name and its address")
    func addresses() throws {
        let (ipv4, port4) = try listenIPv4()
        let (ipv6, port6) = try listenIPv6()
        for socket in [ipv4, ipv6] { try pass(socket) }
        try pass(listenUnix(folder.path + "/proxy.sock"))
        try pass(listenUnix("@" + folder.path))
        let sockets = try take("proxy:proxy:admin:proxy")
        let any = try #require(IPAddress("::1"))
        #expect(
            sockets.map(\.address) == [
                .tcp(IPAddress(ipv4: 0x7F00_0001), port: port4), .tcp(any, port: port6),
                .unix(path: folder.path + "/proxy.sock"), .unix(path: "@" + folder.path),
            ])
        #expect(sockets.map(\.name) == ["proxy", "proxy", "admin", "proxy"])
        #expect(sockets.map(\.descriptor) == (0..<4).map { Self.first + $0 })
    }

    @Test("a taken socket is not inherited by others and never blocks")
    func prepared() throws {
        let descriptor = try listenIPv4().0
        try pass(descriptor)
        #expect(fcntl(Self.first, F_GETFD) & FD_CLOEXEC == 0)
        #expect(fcntl(Self.first, F_GETFL) & O_NONBLOCK == 0)
        _ = try take()
        #expect(fcntl(Self.first, F_GETFD) & FD_CLOEXEC != 0)
        // A blocking accept would never come back.
        try #require(fcntl(Self.first, F_GETFL) & O_NONBLOCK != 0)
        #expect(accept(Self.first, nil, nil) == -1 && errno == EAGAIN)
    }

    @Test("without names each is unknown")
    func unnamed() throws {
        try pass(listenIPv4().0)
        try pass(listenIPv6().0)
        #expect(try take().map(\.name) == ["unknown", "unknown"])
    }

    @Test("a name may be empty")
    func emptyName() throws {
        try pass(listenIPv4().0)
        try pass(listenIPv4().0)
        #expect(try take(":b").map(\.name) == ["", "b"])
    }

    @Test("what was passed to another process is not ours", arguments: [nil, "43", "1"])
    func otherProcess(owner: String?) throws {
        try pass(listenIPv4().0)
        #expect(try take(owner: owner) == [])
        #expect(fcntl(Self.first, F_GETFD) & FD_CLOEXEC == 0)
    }

    @Test("no descriptor passed is none taken")
    func none() throws {
        #expect(try take(count: "0") == [])
        #expect(try InheritedSockets.take(environment: ["LISTEN_PID": "42"], processID: 42) == [])
    }

    @Test(
        "a count that is none is refused",
        arguments: ["", "-1", "+1", "two", "1 ", "2147483647", "2147483000", "99999999999999999999"])
    func malformedCount(count: String) {
        #expect(throws: InheritedSocketError.malformed(variable: "LISTEN_FDS", value: count)) {
            try take(count: count)
        }
    }

    @Test("a malformed owner is refused", arguments: ["", "x", "-42", "42 "])
    func malformedOwner(owner: String) {
        #expect(throws: InheritedSocketError.malformed(variable: "LISTEN_PID", value: owner)) {
            try take(owner: owner)
        }
    }

    @Test("a huge count ends at the first descriptor that is not open")
    func hugeCount() {
        #expect(throws: InheritedSocketError.unusable(descriptor: Self.first, name: "unknown", .notOpen)) {
            try take(count: "2000000000")
        }
    }

    @Test("names and descriptors are of one number", arguments: [("a", 1), ("a:b:c", 3), ("", 1)])
    func mismatch(names: String, count: Int) throws {
        try pass(listenIPv4().0)
        try pass(listenIPv6().0)
        #expect(throws: InheritedSocketError.namesDoNotMatch(names: count, sockets: 2)) { try take(names) }
    }

    @Test("what cannot be listened on is refused by its number, its name and what to change")
    func refusals() throws {
        let cases: [(CInt, InheritedSocketError.Reason, String)] = [
            (socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), .notAStream, "ListenStream="),
            (socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0), .notAStream, "ListenStream="),
            (try connection(), .notListening, "Accept=no"),
            (socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0), .notListening, "Accept=no"),
            (try fifo(), .notASocket, "ListenFIFO="),
            (try listenVsock() ?? -1, .otherFamily, "IPv6"),
        ]
        for (descriptor, reason, advice) in cases where descriptor >= 0 {
            try pass(listenIPv4().0)
            try pass(descriptor)
            let expected = InheritedSocketError.unusable(descriptor: Self.first + 1, name: "admin", reason)
            #expect(throws: expected) { try take("proxy:admin") }
            #expect(expected.description.hasPrefix("descriptor \(Self.first + 1) (admin) that systemd passed"))
            #expect(expected.description.contains(advice))
            for descriptor in passed { close(descriptor) }
            passed = []
        }
    }

    private func fifo() throws -> CInt {
        try #require(mkfifo(folder.path + "/fifo", 0o600) == 0)
        return open(folder.path + "/fifo", O_RDONLY | O_NONBLOCK)
    }

    private func connection() throws -> CInt {
        var pair: [CInt] = [-1, -1]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        close(pair[1])
        return pair[0]
    }

    /// Nil where the kernel has none of it.
    private func listenVsock() throws -> CInt? {
        let descriptor = socket(40, CInt(SOCK_STREAM.rawValue), 0)
        return descriptor < 0 ? nil : descriptor
    }

    private func listenUnix(_ path: String) throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        try bindUnix(descriptor, to: path)
        try #require(listen(descriptor, 1) == 0)
        return descriptor
    }

    private func listenIPv4() throws -> (CInt, UInt16) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try listenTCP(descriptor, &address)
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private func listenIPv6() throws -> (CInt, UInt16) {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        let descriptor = socket(AF_INET6, CInt(SOCK_STREAM.rawValue), 0)
        try listenTCP(descriptor, &address)
        return (descriptor, UInt16(bigEndian: address.sin6_port))
    }

    /// Fills in the port that the kernel chose.
    private func listenTCP<Address>(_ descriptor: CInt, _ address: inout Address) throws {
        let size = socklen_t(MemoryLayout<Address>.size)
        var length = size
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isListening)
    }
}
