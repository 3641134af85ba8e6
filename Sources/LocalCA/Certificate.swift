import CTLS

/// A certificate that is not changed any more. Shared.
package final class Certificate: @unchecked Sendable {
    package let pointer: OpaquePointer

    /// The reference is this object's.
    init(taking pointer: OpaquePointer) {
        self.pointer = pointer
    }

    package init(pem: String) throws(LibraryFailure) {
        ERR_clear_error()
        let bio = try MemoryBIO(pem)
        guard let pointer = PEM_read_bio_X509(bio.pointer, nil, nil, nil) else {
            throw LibraryFailure("read the certificate")
        }
        self.pointer = pointer
    }

    deinit {
        X509_free(pointer)
    }

    package func pem() throws(LibraryFailure) -> String {
        let bio = try MemoryBIO()
        guard PEM_write_bio_X509(bio.pointer, pointer) == 1 else { throw LibraryFailure("write the certificate") }
        return bio.text
    }

    /// In milliseconds since 1970.
    package var expires: Int64 { connd_time_milliseconds(X509_get0_notAfter(pointer)) }

    /// Whether the key is the one that it was issued for.
    package func isOf(_ key: PrivateKey) -> Bool { X509_check_private_key(pointer, key.pointer) == 1 }

    /// Whether the issuer's key has signed it.
    package func isIssued(by issuer: Certificate) -> Bool {
        defer { ERR_clear_error() }
        return X509_verify(pointer, X509_get0_pubkey(issuer.pointer)) == 1
    }

    /// SHA-256 of all of it, in hexadecimal.
    package var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        guard X509_digest(pointer, EVP_sha256(), &digest, &count) == 1 else { return "" }
        let digits = Array("0123456789abcdef".unicodeScalars)
        return String(String.UnicodeScalarView(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }))
    }

    package var commonName: String {
        var room = [CChar](repeating: 0, count: 256)
        let count = X509_NAME_get_text_by_NID(X509_get_subject_name(pointer), NID_commonName, &room, CInt(room.count))
        return count < 0 ? "" : String(decoding: room.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
