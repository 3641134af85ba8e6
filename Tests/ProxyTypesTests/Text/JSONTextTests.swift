import ProxyTypes
import Testing

@Suite("Strings in JSON")
struct JSONTextTests {
    @Test(
        "quotes, backslashes and control characters are escaped, and nothing else",
        arguments: [
            ("", ""), ("plain é 日本 😀", "plain é 日本 😀"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a/b", "a/b"),
            ("\n\r\t", "\\n\\r\\t"), ("\u{0}\u{1}\u{1F}", "\\u0000\\u0001\\u001f"), ("\u{1B}[1m", "\\u001b[1m"),
            ("\u{7F}", "\\u007f"), ("\u{80}\u{2028}", "\u{80}\u{2028}"),
        ])
    func escapes(text: String, escaped: String) {
        #expect(JSONText.escaped(text) == escaped)
        #expect(JSONText.quoted(text) == "\"\(escaped)\"")
        var bytes: [UInt8] = Array("x".utf8)
        JSONText.appendQuoted(text, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "x\"\(escaped)\"")
    }

    @Test("a token of a pointer", arguments: [("a", "a"), ("a/b", "a~1b"), ("a~b", "a~0b"), ("~1/", "~01~1")])
    func pointers(name: String, token: String) {
        #expect(JSONText.pointerToken(name) == token)
    }
}
