import CTLS

/// A certificate while it is made. Used by one thread.
final class CertificateDraft {
    private let pointer: OpaquePointer

    /// What it is: each value as in OpenSSL's configuration files, x509v3_config(5).
    struct Extension {
        let id: CInt
        let value: String
    }

    /// `validity` in milliseconds since 1970. The serial number is random, as two certificates of one issuer with the same one
    /// are refused.
    init(
        commonName: String?, key: PrivateKey, validity: Range<Int64>
    ) throws(LibraryFailure) {
        ERR_clear_error()
        guard let pointer = X509_new() else { throw LibraryFailure("get memory") }
        self.pointer = pointer
        guard X509_set_version(pointer, 2) == 1, connd_set_random_serial(pointer) == 1,
            X509_set_pubkey(pointer, key.pointer) == 1,
            ASN1_TIME_set(X509_getm_notBefore(pointer), Int(validity.lowerBound / 1000)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(pointer), Int(validity.upperBound / 1000)) != nil
        else { throw LibraryFailure("begin a certificate") }
        guard let commonName else { return }
        let subject = X509_get_subject_name(pointer)
        let length = CInt(commonName.utf8.count)
        guard X509_NAME_add_entry_by_NID(subject, NID_commonName, connd_utf8_string, commonName, length, -1, 0) == 1
        else {
            throw LibraryFailure("name a certificate")
        }
    }

    deinit {
        X509_free(pointer)
    }

    /// Issued by itself where `issuer` is nil.
    func signed(
        by issuer: Certificate?, _ key: PrivateKey, _ extensions: [Extension]
    ) throws(LibraryFailure) -> Certificate {
        let authority = issuer?.pointer ?? pointer
        guard X509_set_issuer_name(pointer, X509_get_subject_name(authority)) == 1 else {
            throw LibraryFailure("name the issuer")
        }
        for item in extensions { try add(item, issuer: authority) }
        guard X509_sign(pointer, key.pointer, EVP_sha256()) > 0 else { throw LibraryFailure("sign a certificate") }
        X509_up_ref(pointer)
        return Certificate(taking: pointer)
    }

    private func add(_ item: Extension, issuer: OpaquePointer) throws(LibraryFailure) {
        guard connd_add_extension(pointer, issuer, item.id, item.value) == 1 else {
            throw LibraryFailure("add \(String(cString: OBJ_nid2sn(item.id)))=\(item.value)")
        }
    }
}
