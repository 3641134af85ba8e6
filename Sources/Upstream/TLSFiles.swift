import ProxyTypes
import Synchronization
import TLS
package import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Whether the files that TLS settings name can be used. Each is parsed once, and again after it has changed. Shared; not to
/// be called on the loop, because it reads files.
package final class TLSFiles: Sendable {
    private enum Subject: Hashable {
        case authorities(String), certificate(String), key(String)
        case pair(key: String, certificate: String)

        init?(_ setting: Setting, _ value: SettingValue) {
            guard case .word(let path) = value else { return nil }
            switch setting {
            case .tlsCaFile: self = .authorities(path)
            case .tlsClientCert: self = .certificate(path)
            case .tlsClientKey: self = .key(path)
            default: return nil
            }
        }

        /// The first is the one that an objection names.
        var paths: [String] {
            switch self {
            case .authorities(let path), .certificate(let path), .key(let path): [path]
            case .pair(let key, let certificate): [key, certificate]
            }
        }

        var fault: String? {
            switch self {
            case .authorities(let path): CertificateFiles.fault(ofAuthorities: path)?.text()
            case .certificate(let path): CertificateFiles.fault(ofCertificate: path)?.text()
            case .key(let path): CertificateFiles.fault(ofKey: path)?.text()
            case .pair(let key, let certificate):
                CertificateFiles.fault(ofKey: key, with: certificate)?.text(certificate: certificate)
            }
        }
    }

    private struct Known {
        let stamps: FileStamps
        let fault: String?
    }

    private let known = Mutex<[Subject: Known]>([:])

    package init() {}

    /// Why connd cannot use the file that the value names; nil where it can, and for settings that name no file.
    ///
    /// Asked before an edit is stored, at the start, after a reload and for each status.
    package func objection(to setting: Setting, _ value: SettingValue) -> String? {
        guard let subject = Subject(setting, value) else { return nil }
        return objection(to: subject)
    }

    /// Why the key cannot be used with the certificate, where each can be used by itself.
    package func objection(toKey key: String, of certificate: String) -> String? {
        let subject = Subject.pair(key: key, certificate: certificate)
        guard subject.paths.allSatisfy({ Self.obstacle(at: $0) == nil }) else { return nil }
        return objection(to: subject)
    }

    private func objection(to subject: Subject) -> String? {
        let paths = subject.paths
        return (Self.obstacle(at: paths[0]) ?? fault(of: subject)).map { "\(paths[0]) \($0)" }
    }

    private func fault(of subject: Subject) -> String? {
        // Before the files are read: a change while they are read must count as a change.
        let stamps = FileStamps(subject.paths)
        if let found = known.withLock({ $0[subject] }), found.stamps == stamps { return found.fault }
        let fault = subject.fault
        known.withLock { known in
            if known.count >= Self.mostKnown { known.removeAll() }
            known[subject] = Known(stamps: stamps, fault: fault)
        }
        return fault
    }

    private static let mostKnown = 1024
    /// Larger than any bundle of certificates.
    private static let maxBytes = 16 << 20

    /// What would keep libssl waiting, or what it does not tell apart.
    private static func obstacle(at path: String) -> String? {
        // Opening a FIFO must not wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return FileFault.unreadable(errno).text() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return FileFault.unreadable(errno).text() }
        guard status.st_mode & S_IFMT == S_IFREG else { return "is not a regular file" }
        return status.st_size <= maxBytes ? nil : "is larger than \(SizeText.print(maxBytes))"
    }
}
