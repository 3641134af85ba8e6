import CTLS

/// A private key of P-256. libcrypto wipes it when it is freed. Shared: libcrypto only reads it once it is made.
package final class PrivateKey: @unchecked Sendable {
    package let pointer: OpaquePointer

    package init() throws(LibraryFailure) {
        ERR_clear_error()
        guard let pointer = connd_p256_key() else { throw LibraryFailure("make a key") }
        self.pointer = pointer
    }

    package init(pem: String) throws(LibraryFailure) {
        ERR_clear_error()
        let bio = try MemoryBIO(pem)
        // By itself libcrypto asks the terminal for a passphrase.
        guard let pointer = PEM_read_bio_PrivateKey(bio.pointer, nil, { _, _, _, _ in -1 }, nil) else {
            throw LibraryFailure("read the key")
        }
        self.pointer = pointer
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    /// PKCS#8, not encrypted.
    package func pem() throws(LibraryFailure) -> String {
        let bio = try MemoryBIO()
        guard PEM_write_bio_PrivateKey(bio.pointer, pointer, nil, nil, 0, nil, nil) == 1 else {
            throw LibraryFailure("write the key")
        }
        return bio.text
    }
}
