import CTLS
import ProxyTypes

/// What certificates say, for people and for pins.
enum Certificate {
    /// What is wrong with the certificate that is being verified.
    static func objection(_ verification: OpaquePointer, _ peer: TLSPeer) -> TLSFailure {
        let code = X509_STORE_CTX_get_error(verification)
        let certificate = X509_STORE_CTX_get_current_cert(verification)
        let whose = X509_STORE_CTX_get_error_depth(verification) == 0 ? "the certificate" : "the issuer's certificate"
        let issuer = certificate.flatMap { X509_get_issuer_name($0) }.map(text) ?? "unknown"
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return TLSFailure(.expired, "\(whose) expired on \(date(certificate, X509_get0_notAfter))")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return TLSFailure(.notYetValid, "\(whose) is not valid before \(date(certificate, X509_get0_notBefore))")
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = certificate.map(names) ?? "nothing"
            return TLSFailure(.wrongName, "the certificate is issued for \(names), not for \(peer.name)")
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return TLSFailure(.selfSigned, "the certificate is self-signed and not among the trusted ones")
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return TLSFailure(.unknownIssuer, "the certificate's root `\(issuer)` is not trusted")
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            let text = "\(whose) is issued by `\(issuer)`, which is not trusted and was not sent by the origin"
            return TLSFailure(.unknownIssuer, text)
        case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
            return TLSFailure(.weakSignature, "\(whose) is too weak: \(words(code))")
        default: return TLSFailure(.untrusted, "\(whose) is refused: \(words(code))")
        }
    }

    /// The SHA-256 digest of the public key, as curl's `--pinnedpubkey` has it.
    static func pin(of certificate: OpaquePointer) -> PublicKeyPin? {
        var encoded: UnsafeMutablePointer<UInt8>?
        let length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
        guard length > 0, let encoded else { return nil }
        defer { CRYPTO_free(encoded, nil, 0) }
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_Digest(encoded, Int(length), &digest, nil, EVP_sha256(), nil) == 1 else { return nil }
        return PublicKeyPin(bytes: digest)
    }

    /// Those of the extension, as far as there is room for them.
    private static func names(_ certificate: OpaquePointer) -> String {
        var room = [CChar](repeating: 0, count: 160)
        let count = connd_certificate_names(certificate, &room, room.count)
        guard count > 0 else { return "no name" }
        let shown = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard !shown.isEmpty else { return "names that are too long to be shown" }
        let listed = shown.split(separator: ",").count
        return listed == Int(count) ? shown : "\(shown) and \(Int(count) - listed) more"
    }

    private static func text(_ name: OpaquePointer) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "unknown" }
        defer { BIO_free(bio) }
        connd_print_name(bio, name)
        var room = [UInt8](repeating: 0, count: 120)
        let count = BIO_read(bio, &room, CInt(room.count))
        return String(decoding: room.prefix(max(0, Int(count))), as: UTF8.self)
    }

    private static func date(
        _ certificate: OpaquePointer?, _ field: (OpaquePointer) -> UnsafePointer<ASN1_TIME>?
    ) -> String {
        let milliseconds = certificate.map { connd_time_milliseconds(field($0)) } ?? 0
        return milliseconds > 0 ? DateText.http(seconds: milliseconds / 1000) : "an unknown date"
    }

    private static func words(_ code: CInt) -> String {
        String(cString: X509_verify_cert_error_string(Int(code)))
    }
}
