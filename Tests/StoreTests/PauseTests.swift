import Foundation
import ProxyTypes
import Testing
import Tuning

@testable import Store

@Suite("Pauses in the database")
struct PauseTests {
    let scratch: Scratch
    let bench = Bench()
    private let pause = Pause(origin: .example, actor: "uid:1000", reason: "a move", time: Bench.start)
    private let other = Pause(
        origin: Origin(scheme: .http, host: "b.example.com", port: 8080), actor: "token", reason: nil, time: 7)

    init() throws { scratch = try Scratch() }

    @Test("a pause is there after a restart, with who, when and why, until it is resumed")
    func kept() async throws {
        let store = try bench.open(scratch.path)
        try await store.save(pauses: [pause, other], resumed: [])
        await store.close()
        let again = try bench.open(scratch.path)
        #expect(again.loadPauses() == [pause.origin: pause, other.origin: other])
        try await again.save(pauses: [], resumed: [pause.origin])
        await again.close()
        #expect(try bench.open(scratch.path).loadPauses() == [other.origin: other])
    }

    @Test("a database that is made anew gets it; one that forgets an origin keeps it")
    func outlives() async throws {
        let store = try bench.open(scratch.path)
        try await store.save(pauses: [pause], resumed: [])
        try await store.forget(pause.origin)
        for suffix in DatabaseFile.suffixes { try? FileManager.default.removeItem(atPath: scratch.path + suffix) }
        await store.flush()
        await store.close()
        #expect(try bench.open(scratch.path).loadPauses() == [pause.origin: pause])
    }

    @Test("of one that cannot be kept nothing is, and it is for the caller to try again")
    func failing() async throws {
        let store = try bench.open(scratch.path)
        try execute(
            scratch.path, "CREATE TRIGGER t BEFORE INSERT ON pauses BEGIN SELECT RAISE(ABORT, 'not today'); END")
        await #expect(throws: StoreFailure.self) { try await store.save(pauses: [pause], resumed: []) }
        #expect(store.loadPauses().isEmpty)
        try execute(scratch.path, "DROP TRIGGER t")
        try await store.save(pauses: [pause], resumed: [])
        #expect(store.loadPauses() == [pause.origin: pause])
        await store.close()
    }
}
