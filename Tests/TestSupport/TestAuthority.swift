import Foundation
import Synchronization

/// A certificate authority that no system trusts, in a folder of its own. Shared.
package final class TestAuthority: Sendable {
    /// What origins are known by: PEM files.
    package struct Identity: Sendable {
        package let certificate: String
        package let key: String
    }

    /// For tests that need no other; its certificate is the file of `tls_ca_file`.
    package static let common = Result { try TestAuthority() }

    private let folder: ScratchFolder
    package let certificate: String
    private let number = Mutex(0)

    package init() throws {
        folder = try ScratchFolder()
        certificate = folder.path + "/ca.pem"
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=Test Root", "-addext", "keyUsage=keyCertSign", "-keyout", folder.path + "/ca.key", "-out", certificate)
    }

    /// Each name as in an openssl configuration: `DNS:localhost`, `IP:127.0.0.1`.
    package func identity(_ names: [String] = ["DNS:localhost", "IP:127.0.0.1"], days: Int = 10) throws -> Identity {
        let number = number.withLock { number in
            number += 1
            return number
        }
        let path = folder.path + "/\(number)"
        let extensions = try folder.write("\(number).ext", "subjectAltName=\(names.joined(separator: ","))\n")
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=origin \(number)",
            "-keyout", path + ".key", "-out", path + ".csr")
        try openssl(
            "x509", "-req", "-in", path + ".csr", "-CA", certificate, "-CAkey", folder.path + "/ca.key", "-set_serial",
            "\(number)", "-days", "\(days)", "-extfile", extensions, "-out", path + ".pem")
        return Identity(certificate: path + ".pem", key: path + ".key")
    }

    private func openssl(_ arguments: String...) throws {
        let output = try ChildProcess("openssl", arguments).waitForEnd()
        guard output.exitCode == 0 else { throw TestFailure("openssl \(arguments[0]): \(output.errText)") }
    }
}
