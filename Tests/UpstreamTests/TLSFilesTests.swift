import Foundation
import Testing
import Tuning
import Upstream

@Suite final class TLSFilesTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "connd-tls-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func file(_ text: String) throws -> String {
        let path = folder.appending(path: UUID().uuidString).path
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }

    private static let certificate = "# ours\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    private static let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

    @Test("a file that holds what the setting is for can be used, whatever else it holds")
    func usable() throws {
        let both = try file(Self.key + Self.certificate)
        for setting in [Setting.tlsCaFile, .tlsClientCert, .tlsClientKey] {
            #expect(TLSFiles.objection(to: setting, .word(both)) == nil)
            #expect(TLSFiles.objection(to: setting, .unset) == nil)
        }
        #expect(TLSFiles.objection(to: .tlsServerName, .word("/no/such/file")) == nil)
    }

    @Test("a file without it cannot, and an empty one neither")
    func wrongContent() throws {
        let (certificate, key, empty) = (try file(Self.certificate), try file(Self.key), try file(""))
        for path in [key, empty] {
            for setting in [Setting.tlsCaFile, .tlsClientCert] {
                #expect(
                    TLSFiles.objection(to: setting, .word(path)) == "\(path) holds no certificate in PEM form")
            }
        }
        for path in [certificate, empty] {
            #expect(
                TLSFiles.objection(to: .tlsClientKey, .word(path)) == "\(path) holds no private key in PEM form")
        }
    }

    @Test("what cannot be read says why")
    func unreadable() throws {
        let missing = folder.appending(path: "missing").path
        #expect(
            TLSFiles.objection(to: .tlsCaFile, .word(missing))
                == "\(missing) cannot be read: No such file or directory")
        #expect(
            TLSFiles.objection(to: .tlsClientKey, .word(folder.path)) == "\(folder.path) is not a regular file")
        let fifo = folder.appending(path: "fifo").path
        #expect(mkfifo(fifo, 0o600) == 0)
        #expect(TLSFiles.objection(to: .tlsClientCert, .word(fifo)) == "\(fifo) is not a regular file")
        let large = try file("")
        #expect(truncate(large, 17 << 20) == 0)
        #expect(TLSFiles.objection(to: .tlsCaFile, .word(large)) == "\(large) is larger than 16MiB")
    }
}
