import TLSTestSupport

/// What must hold of a connection to an origin of TLS, whatever the bytes tell both to do.
enum TLSRecords {
    static func play(_ input: [UInt8]) -> String? {
        do {
            let fixture = try TLSFixture()
            return try RecordScript.ruleBroken(by: input, in: fixture, RecordScript.Servers(fixture.certificates))
        } catch {
            return "\(error)"
        }
    }
}
