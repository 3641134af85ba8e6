import Foundation
import ProxyTypes
import TLSTestSupport
import TestSupport
import Testing

@Suite("TLS: scripts of records, as the fuzzer plays them")
struct RecordScriptTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fuzz/Corpus/tls-records").standardizedFileURL

    @Test("no script of a seed breaks a rule", arguments: 0..<4 as Range<UInt64>)
    func seeded(seed: UInt64) throws {
        var seeded = SeededBytes(seed)
        for block in 0..<5 {
            let fixture = try TLSFixture()
            let servers = try RecordScript.Servers(fixture.certificates)
            for round in 0..<100 {
                let length = 4 + (block * 100 + round) % 97 * 2
                let input = seeded.bytes(length)
                let broken = try RecordScript.ruleBroken(by: input, in: fixture, servers)
                #expect(broken == nil, "\(Data(input).base64EncodedString())")
                if broken != nil { return }
            }
        }
    }

    @Test("no file of the corpus breaks a rule")
    func corpus() throws {
        let fixture = try TLSFixture()
        let servers = try RecordScript.Servers(fixture.certificates)
        let files = try FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 15)
        for file in files {
            let input = Array(try Data(contentsOf: file))
            #expect(try RecordScript.ruleBroken(by: input, in: fixture, servers) == nil, "\(file.lastPathComponent)")
        }
    }
}
