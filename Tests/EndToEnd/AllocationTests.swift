import Foundation
import TestSupport
import Testing

/// Heap allocations of the release binary, counted by a preloaded library, against numbers that may only be raised with a reason.
@Suite struct AllocationTests {
    private static let perRequest = 0.1
    /// With what its dial tried, which is kept for the operator, and its place among the connections to its address.
    private static let perUpstreamConnection = 30.0
    /// With what is told of it to whoever looks for its program.
    private static let perClientConnection = 25.0

    @Test("a proxied keep-alive request allocates nothing, a new connection on either side little")
    func counts() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let binary =
            ProcessInfo.processInfo.environment["CONND_RELEASE"]
            ?? root.appending(path: ".build/release/connd").path
        try #require(
            FileManager.default.isExecutableFile(atPath: binary), "\(binary) is missing: make build makes it")
        let report = try Subprocess.run(
            root.appending(path: "Tests/Benchmarks/allocations").path,
            [
                binary, "--requests", "4000", "--connections", "1000", "--max-request", "\(Self.perRequest)",
                "--max-upstream", "\(Self.perUpstreamConnection)", "--max-client", "\(Self.perClientConnection)",
            ], within: 120_000)
        #expect(report.exitCode == 0, "\(report)")
    }
}
