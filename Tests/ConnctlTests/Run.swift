import AdminClient
import Foundation
import ProcessOutput
import Synchronization

@testable import connctl

/// A folder of a test's own, removed when released. Shared.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "cc-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}

/// What a run of connctl ended with and wrote. Value.
struct Outcome {
    var status: CommandStatus
    var output: String
    var errors: String
}

/// A world without a connd, but for what a test puts there. Value.
struct World {
    static let now: Int64 = 1_800_000_000_000

    let folder: Folder
    var environment: CommandEnvironment

    init() throws {
        folder = try Folder()
        environment = CommandEnvironment()
        environment.variables = ["STATE_DIRECTORY": folder.path]
        environment.systemSocket = folder.path + "/none.sock"
        environment.systemToken = folder.path + "/none.token"
        environment.screen = .plain
        environment.now = { World.now }
    }

    func run(_ arguments: String...) async -> Outcome {
        await run(arguments)
    }

    func run(_ arguments: [String]) async -> Outcome {
        let (output, errors) = (MemorySink(), MemorySink())
        var environment = environment
        environment.output = output
        environment.errors = errors
        let status = await CommandEnvironment.$current.withValue(environment) { await Connctl.run(arguments) }
        return Outcome(status: status, output: output.text, errors: errors.text)
    }

    /// A world where a daemon answers as told.
    static func withDaemon<Result>(
        _ handler: @escaping FakeDaemon.Handler, _ body: (World, FakeDaemon) async throws -> Result
    ) async throws -> Result {
        let daemon = try FakeDaemon(handler)
        defer { daemon.stop() }
        var world = try World()
        world.environment.variables["CONNCTL_ADMIN"] = daemon.address.description
        return try await body(world, daemon)
    }
}

/// Keeps everything that is written. Shared.
final class MemorySink: TextSink {
    private let kept = Mutex("")

    let end: CommandOutput.End? = nil

    var text: String { kept.withLock { $0 } }

    func write(_ text: String) {
        kept.withLock { $0 += text }
    }
}
