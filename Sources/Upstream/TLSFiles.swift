import ProxyTypes
package import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Whether the files that TLS settings name can be used.
package enum TLSFiles {
    /// Why connd cannot use the file that the value names; nil where it can, and for settings that name no file.
    ///
    /// Asked before an edit is stored, at the start, after a reload and for each status; reads the file.
    package static func objection(to setting: Setting, _ value: SettingValue) -> String? {
        guard let content = Content(setting), case .word(let path) = value else { return nil }
        do throws(Unreadable) {
            return try content.isIn(read(path)) ? nil : "\(path) holds no \(content.name) in PEM form"
        } catch {
            return "\(path) \(error.reason)"
        }
    }

    private enum Content {
        case certificate, privateKey

        init?(_ setting: Setting) {
            switch setting {
            case .tlsCaFile, .tlsClientCert: self = .certificate
            case .tlsClientKey: self = .privateKey
            default: return nil
            }
        }

        var name: String {
            switch self {
            case .certificate: "certificate"
            case .privateKey: "private key"
            }
        }

        /// RFC 7468, and OpenSSL's own certificates with trust settings.
        private var labels: [String] {
            switch self {
            case .certificate: ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"]
            case .privateKey: ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]
            }
        }

        func isIn(_ bytes: [UInt8]) -> Bool {
            labels.contains { bytes.contains("-----BEGIN \($0)-----".utf8) }
        }
    }

    /// Continues a sentence that begins with the path.
    private struct Unreadable: Error {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }

        init(code: CInt) {
            // Files that only root may read are the usual mistake.
            let user = code == EACCES ? " by connd (uid \(geteuid()))" : ""
            reason = "cannot be read\(user): \(String(cString: strerror(code)))"
        }
    }

    /// More than any bundle of certificates has.
    private static let maxBytes = 16 << 20

    private static func read(_ path: String) throws(Unreadable) -> [UInt8] {
        // Opening a FIFO must not wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw Unreadable(code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Unreadable(code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Unreadable("is not a regular file") }
        guard status.st_size <= maxBytes else { throw Unreadable("is larger than \(SizeText.print(maxBytes))") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let start = filled
            let count = bytes.withUnsafeMutableBytes { bytes in
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
                return pread(descriptor, rest.baseAddress, rest.count, off_t(start))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Unreadable(code: errno) }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }
}
