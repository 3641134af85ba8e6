import Foundation
import FuzzTargets
import Testing

@Suite("Fuzz corpora, as ordinary tests")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fuzz/Corpus").standardizedFileURL

    private static func files(_ name: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder.appending(path: name), includingPropertiesForKeys: nil)
    }

    @Test(
        "no file of a corpus breaks a property, as it is and with each byte changed",
        arguments: [FuzzTarget.requestHead, .responseHead, .responseRewrite, .chunks, .clientHello])
    func corpus(target: FuzzTarget) throws {
        let files = try Self.files(target.rawValue)
        #expect(files.count >= 15)
        for file in files {
            let bytes = Array(try Data(contentsOf: file))
            #expect(target.ruleBroken(by: bytes) == nil, "\(file.lastPathComponent)")
            for index in bytes.indices {
                var changed = bytes
                for byte in [0x0A, 0x0D, 0x20, 0x30, 0x2C, bytes[index] ^ 0x20, bytes[index] &+ 1] {
                    changed[index] = byte
                    if let broken = target.ruleBroken(by: changed) {
                        Issue.record("\(file.lastPathComponent), byte \(index) as \(byte): \(broken)")
                    }
                }
            }
        }
    }
}
