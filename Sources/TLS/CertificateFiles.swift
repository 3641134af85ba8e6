import CTLS
import ProxyTypes

/// Tries files out as libssl will read them, before a connection needs them. No state; reads files.
package enum CertificateFiles {
    package static func fault(ofAuthorities path: String) -> FileFault? {
        ERR_clear_error()
        guard let store = X509_STORE_new() else { return nil }
        defer { X509_STORE_free(store) }
        return X509_STORE_load_file(store, path) == 1 ? nil : .of(path, holds: "certificate")
    }

    package static func fault(ofCertificate path: String) -> FileFault? {
        fault { context throws(FileFault) in try context.loadCertificate(path) }
    }

    package static func fault(ofKey path: String) -> FileFault? {
        fault { context throws(FileFault) in try context.loadKey(path) }
    }

    /// Nil, too, where one of the two cannot be used by itself.
    package static func fault(ofKey path: String, with certificate: String) -> FileFault? {
        let found = fault { context throws(FileFault) in
            try context.loadCertificate(certificate)
            try context.loadKey(path)
        }
        return found == .belongsToAnother ? found : nil
    }

    private static func fault(_ load: (LibraryContext) throws(FileFault) -> Void) -> FileFault? {
        guard let context = try? LibraryContext.empty() else { return nil }
        do throws(FileFault) {
            try load(context)
            return nil
        } catch {
            return error
        }
    }
}
