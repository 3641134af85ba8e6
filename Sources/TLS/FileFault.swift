import CTLS
import Glibc
import ProxyTypes

/// Why a file of certificates or keys cannot be used. Value.
package enum FileFault: Error, Equatable, Sendable {
    /// `errno`.
    case unreadable(CInt)
    case holdsNo(String)
    case encrypted
    /// A key, to a certificate that is not the one beside it.
    case belongsToAnother

    /// Of a file that libssl did not take.
    static func of(_ path: String, holds: String) -> FileFault {
        ERR_clear_error()
        return access(path, R_OK) == 0 ? .holdsNo(holds) : .unreadable(errno)
    }

    /// Continues a sentence that begins with the path. `certificate`: beside a key.
    package func text(certificate: String? = nil) -> String {
        switch self {
        case .unreadable(let code):
            // Files that only root may read are the usual mistake.
            "cannot be read\(code == EACCES ? " by connd (uid \(geteuid()))" : ""): \(String(cString: strerror(code)))"
        case .holdsNo(let what): "holds no \(what) in PEM"
        case .encrypted: "is encrypted, and connd has no passphrase for it"
        case .belongsToAnother: "does not belong to tls_client_cert" + (certificate.map { " \($0)" } ?? "")
        }
    }

    func failure(_ setting: String, _ path: String, certificate: String? = nil) -> TLSFailure {
        TLSFailure(.configuration, "\(setting) \(path) \(text(certificate: certificate))")
    }
}
