import AdminClient
import Glibc
import Testing

@testable import connctl

@Suite("Which connd is meant, and with which token")
struct DiscoveryTests {
    @Test(
        "an address is a URL, a host and port, or a socket",
        arguments: [
            ("http://127.0.0.1:3129", "http://127.0.0.1:3129"), ("http://localhost:1/", "http://localhost:1"),
            ("127.0.0.1:4000", "http://127.0.0.1:4000"), ("[::1]:3129", "http://[::1]:3129"),
            ("http://[::1]", "http://[::1]:3129"), ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("http+unix://%2Frun%2Fx.sock", "unix:/run/x.sock"), ("/run/x.sock", "unix:/run/x.sock"),
            ("http://0.0.0.0:3129", "http://127.0.0.1:3129"), ("https://box.example", "https://box.example:443"),
        ])
    func addresses(text: String, means: String) {
        #expect(AdminAddress(parsing: text)?.description == means)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "http://", "ftp://x", "http://x:0", "http://x:70000", "http://x:", "http://u:p@x:1", "http://x/path",
            "unix:relative", "http://[::1", "http://a b", "x:1:2",
        ])
    func noAddresses(text: String) {
        #expect(AdminAddress(parsing: text) == nil)
    }

    @Test(
        "only loopback and sockets are this host",
        arguments: [
            ("http://127.9.9.9:1", true), ("http://localhost:1", true), ("[::1]:1", true), ("/s", true),
            ("http://127.evil.example:1", false), ("http://10.0.0.1:1", false), ("[::2]:1", false),
        ])
    func local(text: String, isLocal: Bool) {
        #expect(AdminAddress(parsing: text)?.isLocal == isLocal)
    }

    @Test("the option wins over the variable, the variable over all that is found")
    func order() throws {
        var world = try World()
        try world.folder.write("admin.url", "http://127.0.0.1:5001\n")
        world.environment.variables["CONNCTL_ADMIN"] = "http://127.0.0.1:5002"
        let find = { (option: String?) in
            try DaemonSearch.find(option: option, environment: world.environment).address.description
        }
        #expect(try find("http://127.0.0.1:5003") == "http://127.0.0.1:5003")
        #expect(try find(nil) == "http://127.0.0.1:5002")
        world.environment.variables["CONNCTL_ADMIN"] = ""
        #expect(
            try DaemonSearch.find(option: nil, environment: world.environment).address.description
                == "http://127.0.0.1:5001")
    }

    @Test("the system's socket is taken where somebody listens on it, and passed over where nobody does")
    func systemSocket() throws {
        var world = try World()
        world.environment.systemSocket = world.folder.path + "/a.sock"
        let daemon = try FakeDaemon(unix: world.environment.systemSocket) { _ in .empty }
        #expect(try DaemonSearch.find(option: nil, environment: world.environment).source == .systemSocket)
        daemon.stop()
        // The file stays, as after a daemon that was killed.
        let found = try DaemonSearch.find(option: nil, environment: world.environment)
        #expect(found.source == .standard && found.address == .standard)
        #expect(found.passedOver.first?.hasPrefix("unix:\(world.environment.systemSocket): ") == true)
    }

    @Test("a file of the state directory that names no address is passed over, and told")
    func badFile() throws {
        let world = try World()
        try world.folder.write("admin.url", "nonsense here\n")
        let found = try DaemonSearch.find(option: nil, environment: world.environment)
        #expect(found.address == .standard)
        #expect(found.passedOver.last == "\(world.folder.path)/admin.url: `nonsense here` is no address")
    }

    @Test(
        "the state directory is systemd's, else XDG's, else below the home",
        arguments: [
            (["STATE_DIRECTORY": "/a:/b", "HOME": "/h"], "/a"), (["XDG_STATE_HOME": "/x", "HOME": "/h"], "/x/connd"),
            (["XDG_STATE_HOME": "relative", "HOME": "/h"], "/h/.local/state/connd"), ([:], nil),
        ] as [([String: String], String?)])
    func stateDirectory(variables: [String: String], path: String?) {
        var environment = CommandEnvironment()
        environment.variables = variables
        #expect(environment.stateDirectory == path)
    }

    /// A world where the kernel's tables say that these listen, as they are written there, and of whom.
    private func world(listening listeners: [(String, uid_t)] = [("0100007F:0001", 0)]) throws -> World {
        var world = try World()
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        let lines = listeners.map { place, user in
            let remote = place.prefix { $0 != ":" }.map { _ in "0" }.joined() + ":0000"
            return
                "   0: \(place) \(remote) 0A 00000000:00000000 00:00000000 00000000 \(user)        0 1 1 0 100 0 0 10 0\n"
        }
        let table = try world.folder.write("tcp", head + lines.joined())
        world.environment.listeners.paths = [world.folder.path + "/none", table]
        return world
    }

    private func token(_ world: World, _ address: String, option: String? = nil, source: FoundDaemon.Source = .standard)
        throws -> FoundToken
    {
        let daemon = FoundDaemon(
            address: try #require(AdminAddress(parsing: address)), source: source, passedOver: [])
        return try TokenSearch.find(option: option, for: daemon, environment: world.environment)
    }

    @Test("a token that was found goes to this host alone; one that was named goes where it was sent")
    func otherHosts() throws {
        let world = try world()
        let file = try world.folder.write("admin.token", "secret-secret-secret\n")
        #expect(try token(world, "http://127.0.0.1:1").token == "secret-secret-secret")
        let other = try token(world, "http://10.0.0.1:1")
        #expect(other.token == nil && other.explanation.contains("--token-file"))
        #expect(try token(world, "http://10.0.0.1:1", option: file).token == "secret-secret-secret")
        #expect(try token(world, "/x.sock").token == nil)
    }

    @Test("the system's token comes first, but for a daemon that was found by its state directory")
    func tokenOrder() throws {
        var world = try world()
        try world.folder.write("admin.token", "own-own-own-own-own")
        world.environment.systemToken = try world.folder.write("system", "system-system-system")
        #expect(try token(world, "http://127.0.0.1:1").token == "system-system-system")
        #expect(
            try token(world, "http://127.0.0.1:1", source: .stateFile("f")).token == "own-own-own-own-own")
        world.environment.variables["CONNCTL_TOKEN_FILE"] = try world.folder.write("named", "named-named-named")
        #expect(try token(world, "http://127.0.0.1:1").token == "named-named-named")
    }

    @Test(
        "a token that was found goes to nobody but root, this user and the file's owner",
        arguments: [
            ("http://127.0.0.1:3129", [("0100007F:0C39", 0)], true),
            ("http://127.0.0.1:3129", [("0100007F:0C39", 4242)], true),
            ("http://127.0.0.1:3129", [("0100007F:0C39", 4243)], true),
            ("http://127.0.0.1:3129", [("0100007F:0C39", 65534)], false),
            ("http://127.0.0.1:3129", [], false),
            ("http://127.0.0.1:3129", [("0100007F:0C3A", 0)], false),
            ("http://127.0.0.1:3129", [("0200007F:0C39", 0)], false),
            // One of every address answers where none of this address does.
            ("http://127.0.0.1:3129", [("00000000:0C39", 65534)], false),
            ("http://127.0.0.1:3129", [("00000000000000000000000000000000:0C39", 65534)], false),
            ("http://127.0.0.1:3129", [("0100007F:0C39", 0), ("00000000:0C39", 65534)], true),
            ("http://127.0.0.1:3129", [("0000000000000000FFFF00000100007F:0C39", 65534)], false),
            ("http://[::1]:3129", [("00000000000000000000000001000000:0C39", 0)], true),
            ("http://[::1]:3129", [("00000000000000000000000001000000:0C39", 65534)], false),
            ("http://localhost:3129", [("0100007F:0C39", 0), ("00000000000000000000000001000000:0C39", 65534)], false),
        ] as [(String, [(String, uid_t)], Bool)])
    func listeners(address: String, listeners: [(String, uid_t)], isSent: Bool) throws {
        var world = try world(listening: listeners)
        world.environment.user = 4242
        let file = try world.folder.write("admin.token", "secret-secret-secret\n")
        try #require(chown(file, 4243, 0) == 0 || geteuid() != 0)
        if geteuid() != 0, listeners.contains(where: { $0.1 == 4243 }) { return }
        let found = try token(world, address)
        #expect(found.token == (isSent ? "secret-secret-secret" : nil), "\(found)")
        if !isSent {
            #expect(found.explanation.hasPrefix("the token of \(file) was not sent, because "))
            #expect(found.next == "connctl --token-file \(file) …    if that is your connd")
        }
        #expect(try token(world, address, option: file).token == "secret-secret-secret")
    }

    @Test("the kernel's own tables say who listens")
    func kernelTables() throws {
        let daemon = try FakeDaemon { _ in .empty }
        defer { daemon.stop() }
        #expect(ListenerTable().users(at: daemon.address) == [geteuid()])
    }

    @Test("a file that holds no token is told; one that was named and cannot be read ends the run")
    func badTokens() throws {
        let world = try world()
        try world.folder.write("admin.token", "two words\n")
        let found = try token(world, "http://127.0.0.1:1")
        #expect(found.token == nil && found.explanation.contains("admin.token: it does not hold one token"))
        #expect(throws: CommandFailure.self) { try token(world, "http://127.0.0.1:1", option: "/nowhere/token") }
    }

    @Test(
        "what people write for an origin finds it",
        arguments: [
            ("http://example.com", ["http://example.com"]), ("HTTP://Example.com:80/", ["http://example.com"]),
            ("example.com:80", ["http://example.com"]), ("example.com:443", ["https://example.com"]),
            ("example.com", ["http://example.com", "https://example.com"]),
            ("localhost:8080", ["http://localhost:8080"]), ("localhost", ["http://localhost:8080"]),
            ("local", ["http://localhost:8080"]), ("nowhere", []), ("[::1]", ["http://[::1]:9000"]),
            ("[0:0::1]", ["http://[::1]:9000"]), ("0::1", ["http://[::1]:9000"]), ("::1", ["http://[::1]:9000"]),
            ("[0:0:0:0:0:0:0:1]:9000", ["http://[::1]:9000"]), ("http://[0::1]:09000/", ["http://[::1]:9000"]),
            ("[::0001]:9001", []), ("LOCALHOST.:8080", ["http://localhost:8080"]),
            ("http://example.com.:/", ["http://example.com"]),
            ("example.com.", ["http://example.com", "https://example.com"]),
        ])
    func matching(text: String, found: [String]) {
        let known = ["http://example.com", "https://example.com", "http://localhost:8080", "http://[::1]:9000"]
        #expect(OriginName.matches(text, among: known) == found)
    }

    @Test(
        "a pattern stays as it is written, all is every origin, and a URL becomes its origin",
        arguments: [
            ("all", "*"), ("*", "*"), ("*.example.com", "*.example.com"), ("host:80", "host:80"),
            ("http://Host:80/", "http://host"), ("http://host/path", "http://host/path"),
            ("http://[::FFFF:127.0.0.1]:8080", "http://127.0.0.1:8080"), ("http://127.1", "http://127.1"),
        ])
    func patterns(text: String, pattern: String) {
        #expect(OriginName.pattern(text) == pattern)
    }
}
