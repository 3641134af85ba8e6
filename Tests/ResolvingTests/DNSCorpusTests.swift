import Foundation
import FuzzTargets
import Testing

@Suite("The fuzzer's corpus of DNS messages")
struct DNSCorpusTests {
    @Test("no file breaks a rule, as it is and with each byte changed")
    func corpus() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fuzz/Corpus/\(FuzzTarget.dnsMessage.rawValue)").standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 20)
        for file in files {
            let bytes = Array(try Data(contentsOf: file))
            #expect(FuzzTarget.dnsMessage.ruleBroken(by: bytes) == nil, "\(file.lastPathComponent)")
            for index in bytes.indices {
                var changed = bytes
                for byte in [0, 1, 12, 0x1B, 0x3F, 0xC0, 0xFF, bytes[index] ^ 0x20, bytes[index] &+ 1] {
                    changed[index] = byte
                    if let broken = FuzzTarget.dnsMessage.ruleBroken(by: changed) {
                        Issue.record("\(file.lastPathComponent), byte \(index) as \(byte): \(broken)")
                    }
                }
            }
        }
    }
}
