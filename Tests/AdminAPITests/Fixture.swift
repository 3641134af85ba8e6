import AdminAPI
import Glibc
import Logging

/// A folder that goes with the test.
struct TemporaryFolder: ~Copyable {
    let path: String

    init() {
        var template = Array("/tmp/connd-admin-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    deinit {
        for name in ["token", "s", "t"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}

/// A server on a free port and a Unix socket.
struct Fixture: Sendable {
    let backend: FakeBackend
    let server: AdminServer
    let token: String
    let tcp: String
    let unix: String

    /// What the wall clock says in all tests: 2023-11-14 22:13:20 UTC.
    static let now: Int64 = 1_700_000_000_000

    static func run(
        timeouts: AdminServer.Timeouts = .unhurried, allowedHosts: [String] = [],
        _ body: (Fixture) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        let token = try AdminToken.load("\(folder.path)/token")
        let backend = FakeBackend()
        let server = AdminServer(
            backend: backend,
            listeners: [.tcp(host: "127.0.0.1", port: 0), .unix(path: "\(folder.path)/s", mode: 0o660)], token: token,
            allowedHosts: allowedHosts, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            timeouts: timeouts, wallClock: { now })
        try await server.start()
        let addresses = await server.addresses
        let fixture = Fixture(
            backend: backend, server: server, token: contents("\(folder.path)/token").trimmed, tcp: addresses[0],
            unix: addresses[1])
        do { try await body(fixture) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    static func contents(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    func ask(
        _ method: String, _ target: String, _ fields: [(String, String)] = [], body: String? = nil,
        host: String? = "127.0.0.1",
        over address: String? = nil
    ) async throws -> PlainClient.Answer {
        let client = try PlainClient(address ?? tcp)
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if let host { text += "Host: \(host)\r\n" }
        for (name, value) in fields { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        try await client.send(text + "\r\n" + (body ?? ""))
        return try await client.answer(toHead: method == "HEAD")
    }

    /// With all that a change needs.
    func change(_ method: String, _ target: String, _ fields: [(String, String)] = [], body: String? = nil) async throws
        -> PlainClient.Answer
    {
        try await ask(
            method, target,
            fields + [("Authorization", "Bearer \(token)")]
                + (body == nil ? [] : [("Content-Type", "application/json")]),
            body: body)
    }
}

extension AdminServer.Timeouts {
    /// The routes run on the thread pool that all tests share, and on a busy machine they wait for a thread. No deadline
    /// may pass meanwhile but the one that a test is about.
    static var unhurried: Self {
        var timeouts = Self()
        (timeouts.head, timeouts.body, timeouts.idle, timeouts.stall) = (
            .seconds(600), .seconds(600), .seconds(600), .seconds(600)
        )
        return timeouts
    }
}

extension String {
    var trimmed: String { String(drop { $0 == "\n" }.reversed().drop { $0 == "\n" }.reversed()) }
}
