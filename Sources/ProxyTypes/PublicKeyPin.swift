/// The SHA-256 of a public key (the DER of its SubjectPublicKeyInfo) that a peer may have, written `sha256//BASE64` as
/// in curl's `--pinnedpubkey`. Value.
package struct PublicKeyPin: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 32

    /// Always `byteCount` of them.
    package let bytes: [UInt8]

    private static let prefix = "sha256//"

    /// Nil for another number of bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    package init?(parsing text: some StringProtocol) {
        guard text.hasPrefix(Self.prefix), let bytes = Base64Text.decode(text.dropFirst(Self.prefix.count)) else {
            return nil
        }
        self.init(bytes: bytes)
    }

    package var description: String { Self.prefix + Base64Text.encode(bytes) }
}
