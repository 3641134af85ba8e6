import AdminModels
import Foundation
import Synchronization
import Testing

@testable import connctl

@Suite("connctl backup")
struct BackupTests {
    /// A header that says so many pages of 512 bytes, and as many bytes.
    private static func database(pages: Int) -> String {
        var bytes = Array("SQLite format 3\0".utf8) + [2, 0]
        bytes += Array(repeating: 0, count: 28 - bytes.count) + [0, 0, 0, UInt8(pages)]
        return String(decoding: bytes + Array(repeating: 0, count: pages * 512 - bytes.count), as: UTF8.self)
    }

    @Test("backup writes what comes into a file of its own, or nothing")
    func backup() async throws {
        let whole = Self.database(pages: 3)
        let answer = Mutex(whole)
        let handler: FakeDaemon.Handler = { _ in
            .init(type: "application/vnd.sqlite3", body: answer.withLock { $0 })
        }
        try await World.withDaemon(handler) { world, daemon in
            let file = world.folder.path + "/b.db"
            let run = await world.run("backup", file)
            #expect(run.status == .ok && run.output.contains("written to \(file)"), "\(run)")
            #expect(daemon.requests.map(\.method) == ["POST"] && daemon.requests.map(\.path) == [Paths.backup])
            #expect(try SmallFile.read(file) == whole)
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let again = await world.run("backup", file)
            #expect(again.status == .failed && again.errors.contains("--force"))
            #expect(daemon.requests.count == 1)
            for wrong in [String(whole.dropLast(512)), "no database", ""] {
                answer.withLock { $0 = wrong }
                #expect(await world.run("backup", file, "--force").errors.contains("no whole SQLite database"))
            }
            #expect(try SmallFile.read(file) == whole)
            answer.withLock { $0 = Self.database(pages: 4) }
            #expect(await world.run("backup", file, "--force").status == .ok)
            #expect(try SmallFile.read(file) == Self.database(pages: 4))
            #expect(await world.run("backup", "/nowhere/b.db").status == .failed)
            let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
            #expect(!left.contains { $0.contains("connctl-") })
        }
    }

    @Test("backup says what connd refused")
    func refusedBackup() async throws {
        try await World.withDaemon({ _ in .problem(503, "no room for it") }) { world, _ in
            let run = await world.run("backup", world.folder.path + "/b.db")
            #expect(run.status == .failed && run.errors.contains("no room for it"), "\(run)")
        }
    }
}
