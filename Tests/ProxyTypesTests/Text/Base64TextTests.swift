import ProxyTypes
import Testing

@Suite struct Base64TextTests {
    @Test(
        "the examples of RFC 4648 10, both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(bytes: String, text: String) {
        #expect(Base64Text.encode(Array(bytes.utf8)) == text)
        #expect(Base64Text.decode(text) == Array(bytes.utf8))
    }

    @Test("any bytes read back from their text", arguments: UInt64(1)...20)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let bytes = (0..<random.below(100)).map { _ in UInt8(random.below(256)) }
        #expect(Base64Text.decode(Base64Text.encode(bytes)) == bytes)
    }

    @Test(
        "a second text for the same bytes is refused, and so is what is not base64",
        arguments: [
            "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm8=Zm8=", "Zm 8=", "Zm8=\n", "Z-_=", "Zg==Zg==", "Zm=v",
            "ä===",
        ])
    func refused(text: String) {
        #expect(Base64Text.decode(text) == nil)
    }
}
