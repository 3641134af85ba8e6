import Foundation
import FuzzTargets
import ProxyTypes
import TestSupport
import Testing

/// The pool beside its reference under random events. A failure names its seed; add it to `pinned`, and see what led to
/// it with `PoolSimulation(seed:keepsRecent: true)`.
@Suite("Pool and model agree")
struct PoolModelTests {
    /// Seeds that once failed.
    private static let pinned: [UInt64] = [1, 34]
    private static let blocks = 20
    private static let episodesPerBlock = 50
    private static let eventsPerEpisode = 1_000

    private func failure(seed: UInt64) -> String? {
        var simulation = PoolSimulation(seed: seed)
        simulation.run(Self.eventsPerEpisode)
        guard simulation.failure != nil else { return nil }
        var again = PoolSimulation(seed: seed, keepsRecent: true)
        again.run(Self.eventsPerEpisode)
        return "seed \(seed): \(again.failure ?? "not again")"
    }

    @Test("over a million random events", arguments: 0..<blocks)
    func randomEvents(block: Int) {
        for episode in 0..<Self.episodesPerBlock {
            let failure = failure(seed: UInt64(block * Self.episodesPerBlock + episode))
            #expect(failure == nil)
            if failure != nil { return }
        }
    }

    @Test("on seeds that once failed", arguments: pinned)
    func pinnedSeeds(seed: UInt64) {
        #expect(failure(seed: seed) == nil)
    }

    @Test("on the fuzzer's corpus")
    func corpus() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fuzz/Corpus/pool-events")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 20)
        for file in files {
            let broken = FuzzTarget.poolEvents.ruleBroken(by: [UInt8](try Data(contentsOf: file)))
            #expect(broken == nil, "\(file.lastPathComponent)")
        }
    }
}
