/// What the handshake of a connection has agreed on. Value.
package struct TLSInfo: Hashable, Sendable {
    package enum Version: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        case v1_2, v1_3

        package var name: String { self == .v1_2 ? "1.2" : "1.3" }
    }

    package var version: Version
    /// As the IANA registers it, such as `TLS_AES_256_GCM_SHA384`.
    package var cipher: String
    /// A session of an earlier connection was resumed: the origin proved that it knows its secret, and showed no certificate.
    package var isResumed: Bool
    /// Whether certificates are verified.
    package var isVerified: Bool
    /// When the origin's certificate expires, in milliseconds since 1970; nil if it is not known.
    package var certificateExpires: Int64?

    package init(
        version: Version, cipher: String, isResumed: Bool, isVerified: Bool, certificateExpires: Int64?
    ) {
        self.version = version
        self.cipher = cipher
        self.isResumed = isResumed
        self.isVerified = isVerified
        self.certificateExpires = certificateExpires
    }
}
