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

    /// What one run would take most of its time to make: certificates, what libssl makes of them, and sessions, which are
    /// resumed before a script begins.
    // The fuzzer has one thread.
    private final class Stage: @unchecked Sendable {
        static let shared = Result { try Stage() }
        private var fixture: TLSFixture
        private let servers: RecordScript.Servers
        private var runs = 0
        /// A fixture remembers all its connections.
        private static let runsOfFixture = 1000

        private init() throws {
            fixture = try TLSFixture()
            servers = try RecordScript.Servers(fixture.certificates)
        }

        func play(_ input: [UInt8]) throws -> String? {
            runs += 1
            if runs % Self.runsOfFixture == 0 { fixture = try TLSFixture() }
            return try RecordScript.ruleBroken(by: input, in: fixture, servers)
        }
    }
}
