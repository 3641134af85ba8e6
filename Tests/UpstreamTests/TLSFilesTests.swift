import Foundation
import TestSupport
import Testing
import Tuning
import Upstream

@Suite struct TLSFilesTests {
    private let folder: ScratchFolder
    private let authority: TestAuthority
    private let files = TLSFiles()

    init() throws {
        folder = try ScratchFolder()
        authority = try TestAuthority.common.get()
    }

    private func file(_ text: String) throws -> String { try folder.write(UUID().uuidString, text) }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("a file that holds what the setting is for can be used, whatever else it holds")
    func usable() throws {
        let identity = try authority.identity()
        let both = try file("# ours\n" + text(identity.key) + text(identity.certificate))
        for setting in [Setting.tlsCaFile, .tlsClientCert, .tlsClientKey] {
            #expect(files.objection(to: setting, .word(both)) == nil)
            #expect(files.objection(to: setting, .unset) == nil)
        }
        #expect(files.objection(toKey: both, of: both) == nil)
        #expect(files.objection(to: .tlsServerName, .word("/no/such/file")) == nil)
    }

    @Test("a file without it cannot, nor one that only looks as if")
    func wrongContent() throws {
        let identity = try authority.identity()
        let kinds = ["CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY"]
        let lookalike = try file(kinds.map { "-----BEGIN \($0)-----\nAAAA\n-----END \($0)-----\n" }.joined())
        let empty = try file("")
        for path in [identity.key, empty, lookalike] {
            for setting in [Setting.tlsCaFile, .tlsClientCert] {
                #expect(files.objection(to: setting, .word(path)) == "\(path) holds no certificate in PEM")
            }
        }
        for path in [identity.certificate, empty, lookalike] {
            #expect(files.objection(to: .tlsClientKey, .word(path)) == "\(path) holds no private key in PEM")
        }
    }

    @Test("a key with a passphrase cannot be used")
    func encrypted() throws {
        let key = try authority.identity().key
        let path = try file("")
        let made = try ChildProcess(
            "openssl", ["pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", path])
        #expect(try made.waitForEnd().exitCode == 0)
        #expect(
            files.objection(to: .tlsClientKey, .word(path))
                == "\(path) is encrypted, and connd has no passphrase for it")
    }

    @Test("a key goes with its own certificate only, also after one of the two has changed")
    func pairs() throws {
        let (one, other) = (try authority.identity(), try authority.identity())
        let (key, certificate) = (try file(text(one.key)), try file(text(one.certificate)))
        #expect(files.objection(toKey: key, of: certificate) == nil)
        let foreign = "\(key) does not belong to tls_client_cert \(certificate)"
        try text(other.certificate).write(toFile: certificate, atomically: true, encoding: .utf8)
        #expect(files.objection(toKey: key, of: certificate) == foreign)
        try text(other.key).write(toFile: key, atomically: true, encoding: .utf8)
        #expect(files.objection(toKey: key, of: certificate) == nil)
        // What is wrong with one of them is told of that one.
        #expect(files.objection(toKey: key, of: key) == nil)
        #expect(files.objection(toKey: certificate, of: certificate) == nil)
        let missing = folder.path + "/missing"
        #expect(
            files.objection(toKey: key, of: missing) == nil && files.objection(toKey: missing, of: certificate) == nil)
    }

    @Test("a file that changes is judged anew")
    func changes() throws {
        let identity = try authority.identity()
        let path = try file(text(identity.certificate))
        #expect(files.objection(to: .tlsCaFile, .word(path)) == nil)
        try text(identity.key).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(files.objection(to: .tlsCaFile, .word(path)) == "\(path) holds no certificate in PEM")
        try FileManager.default.removeItem(atPath: path)
        #expect(files.objection(to: .tlsCaFile, .word(path)) == "\(path) cannot be read: No such file or directory")
        try text(identity.certificate).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(files.objection(to: .tlsCaFile, .word(path)) == nil)
    }

    @Test("what cannot be read says why, and a FIFO is not waited for")
    func unreadable() throws {
        #expect(
            files.objection(to: .tlsClientKey, .word(folder.path)) == "\(folder.path) is not a regular file")
        let fifo = folder.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        #expect(files.objection(to: .tlsClientCert, .word(fifo)) == "\(fifo) is not a regular file")
        #expect(files.objection(toKey: fifo, of: fifo) == nil)
        let large = try file("")
        #expect(truncate(large, 17 << 20) == 0)
        #expect(files.objection(to: .tlsCaFile, .word(large)) == "\(large) is larger than 16MiB")
    }
}
