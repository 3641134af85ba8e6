import TLSTestSupport

/// What must hold of a connection to an origin of TLS, whatever the bytes tell both to do.
enum TLSRecords {
    static func play(_ input: [UInt8]) -> String? {
        do {
            return try Stage.shared.get().play(input)
        } catch {
            return "\(error)"
        }
    }

    /// What one run would take most of its time to make: certificates, and what libssl makes of them.
    // The fuzzer has one thread.
    private final class Stage: @unchecked Sendable {
        static let shared = Result { try Stage() }
        private let fixture: TLSFixture
        private let servers: RecordScript.Servers
        private var runs = 0

        private init() throws {
            fixture = try TLSFixture()
            servers = try RecordScript.Servers(fixture.certificates)
        }

        /// Each run is with an origin of its own, and so without a session of those before it.
        func play(_ input: [UInt8]) throws -> String? {
            runs += 1
            return try RecordScript.ruleBroken(by: input, in: fixture, servers, at: runs)
        }
    }
}
