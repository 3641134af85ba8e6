import AdminAPI
import Glibc
import Logging
import Testing

@Suite("Listeners and the token")
struct ListenerTests {
    private func server(_ listeners: [AdminListener], _ token: AdminToken? = nil) -> AdminServer {
        AdminServer(
            backend: FakeBackend(), listeners: listeners, token: token,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, wallClock: { Fixture.now })
    }

    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("a Unix socket has its mode, and its file goes when the server stops")
    func unix() async throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/s"
        let server = server([.unix(path: path, mode: 0o640)])
        try await server.start()
        #expect(mode(path) == 0o640)
        await server.stop()
        #expect(access(path, F_OK) != 0)
    }

    @Test("a socket that nobody listens on is replaced; a live one, and what is no socket, is not")
    func stale() async throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/s"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        close(descriptor)
        #expect(access(path, F_OK) == 0)
        let first = server([.unix(path: path, mode: 0o600)])
        try await first.start()
        let second = server([.unix(path: path, mode: 0o600)])
        let error = await #expect(throws: AdminServerError.self) { try await second.start() }
        #expect(error?.description.contains("another process listens") == true)
        #expect(access(path, F_OK) == 0)
        await first.stop()
        let file = open(path, O_CREAT | O_WRONLY, 0o600)
        close(file)
        await #expect(throws: AdminServerError.self) { try await server([.unix(path: path, mode: 0o600)]).start() }
    }

    @Test("where one listener cannot be bound, none is")
    func allOrNone() async throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/s"
        let taken = server([.tcp(host: "127.0.0.1", port: 0)])
        try await taken.start()
        let port = UInt16(await taken.addresses[0].split(separator: ":").last ?? "") ?? 0
        let error = await #expect(throws: AdminServerError.self) {
            try await server([.unix(path: path, mode: 0o600), .tcp(host: "127.0.0.1", port: port)]).start()
        }
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
        #expect(access(path, F_OK) != 0)
        await taken.stop()
        await #expect(throws: AdminServerError.self) { try await server([.tcp(host: "localhost", port: 0)]).start() }
    }

    @Test("a server without a token reads only, over TCP")
    func noToken() async throws {
        let server = server([.tcp(host: "127.0.0.1", port: 0)])
        try await server.start()
        let client = try PlainClient(await server.addresses[0])
        try await client.send("POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \r\n\r\n")
        #expect(try await client.answer().status == 401)
        await server.stop()
    }

    @Test("a request that runs when the server stops is answered")
    func stopIsGraceful() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.grace = .seconds(600)
        try await Fixture.run(timeouts: timeouts) { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send(
                "POST /v1/actions/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(fixture.token)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
            // A second request on the same loop: what the first has sent was read before.
            _ = try await fixture.ask("GET", "/v1/version")
            async let stopped: Void = fixture.server.stop()
            try await client.send("}")
            let answer = try await client.answer()
            #expect(answer.status == 200)
            #expect(try await client.isEnded())
            await stopped
            #expect(throws: PlainClient.Failure.self) { try PlainClient(fixture.tcp) }
        }
    }

    @Test("neither a client that sends half a request nor a backend that does not answer holds up the end")
    func stopIsBounded() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.grace = .milliseconds(50)
        try await Fixture.run(timeouts: timeouts) { fixture in
            let change = "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(fixture.token)\r\n"
            let half = try PlainClient(fixture.tcp)
            try await half.send("\(change)Content-Length: 9\r\n\r\n{")
            fixture.backend.holdReload()
            let held = try PlainClient(fixture.tcp)
            try await held.send("\(change)\r\n")
            await fixture.backend.reloadHeld()
            let start = ContinuousClock.now
            await fixture.server.stop()
            #expect(ContinuousClock.now - start < .seconds(20))
            fixture.backend.releaseReload()
            #expect(try await half.isEnded())
            #expect(try await held.isEnded())
        }
    }

    @Test("clients that connect while the server stops are answered or dropped, and nothing breaks")
    func stopUnderLoad() async throws {
        try await Fixture.run { fixture in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        while let client = try? PlainClient(fixture.tcp) {
                            try? await client.send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
                            _ = try? await client.answer()
                        }
                    }
                }
                _ = try await fixture.ask("GET", "/v1/version")
                await fixture.server.stop()
                try await group.waitForAll()
            }
        }
    }

    // MARK: Token

    private func write(_ text: String, _ path: String, mode: mode_t = 0o600) {
        unlink(path)
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        _ = Glibc.write(descriptor, text, text.utf8.count)
        fchmod(descriptor, mode)
        close(descriptor)
    }

    @Test("a token file is made once, for its owner alone, and kept")
    func made() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/token"
        _ = try AdminToken.load(path)
        let first = Fixture.contents(path)
        #expect(first.utf8.count == 44)
        #expect(mode(path) == 0o600)
        _ = try AdminToken.load(path)
        #expect(Fixture.contents(path) == first)
    }

    @Test(
        "a token file that others may read, or that holds too little, is refused",
        arguments: [
            ("0123456789abcdef", 0o640, "chmod 600"), ("0123456789abcdef", 0o604, "chmod 600"),
            ("short\n", 0o600, "fewer than 16"),
            ("", 0o600, "fewer than 16"), ("0123456789 abcdef", 0o600, "one line"),
            (String(repeating: "a", count: 5000), 0o600, "larger"),
        ] as [(String, mode_t, String)])
    func refused(text: String, mode: mode_t, says: String) throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/token"
        write(text, path, mode: mode)
        let error = #expect(throws: AdminTokenError.self) { try AdminToken.load(path) }
        #expect(error?.description.contains(says) == true)
        #expect(error?.description.contains(path) == true)
    }

    @Test("a token that is rotated counts at once; one that others may read no longer does")
    func rotated() async throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/token"
        write("0123456789abcdef-old\n", path)
        let server = server([.tcp(host: "127.0.0.1", port: 0)], try AdminToken.load(path))
        try await server.start()
        let address = await server.addresses[0]
        func status(_ token: String) async throws -> Int {
            let client = try PlainClient(address)
            try await client.send(
                "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n\r\n")
            return try await client.answer().status
        }
        #expect(try await status("0123456789abcdef-old") == 200)
        write("0123456789abcdef-new\n", path)
        #expect(try await status("0123456789abcdef-old") == 401)
        #expect(try await status("0123456789abcdef-new") == 200)
        write("0123456789abcdef-bad\n", path, mode: 0o644)
        #expect(try await status("0123456789abcdef-bad") == 401)
        await server.stop()
    }
}
