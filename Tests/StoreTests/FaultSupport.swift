import Foundation
import GRDB
import Testing

/// Another connection that holds the lock. Shared.
final class LockHolder {
    private let queue: DatabaseQueue

    init(_ path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.unsafeReentrantWrite { try $0.execute(sql: "BEGIN IMMEDIATE") }
    }

    func release() throws {
        try queue.unsafeReentrantWrite { try $0.execute(sql: "ROLLBACK") }
        try queue.close()
    }
}

/// A mount over a path of the test's own; needs root.
final class Mounted {
    private let target: String
    private var isMounted = true

    init(_ arguments: [String]) throws {
        target = arguments.last ?? ""
        try Self.run("/bin/mount", arguments)
    }

    init(readOnly path: String) throws {
        target = path
        try Self.run("/bin/mount", ["--bind", path, path])
        try Self.run("/bin/mount", ["-o", "remount,ro,bind", path])
    }

    deinit { try? unmount() }

    func unmount() throws {
        guard isMounted else { return }
        isMounted = false
        // Open descriptors must not keep it.
        try Self.run("/bin/umount", ["-l", target])
    }

    private static func run(_ tool: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(tool) \(arguments): these tests need root")
    }
}
