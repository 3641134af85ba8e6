import ProxyTypes
import Testing

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test(
        "a segment holds unreserved characters as they are, and all else encoded",
        arguments: [
            ("", ""), ("aZ09-._~", "aZ09-._~"), ("http://a:80", "http%3A%2F%2Fa%3A80"), ("*", "%2A"), ("%", "%25"),
            ("a b+c", "a%20b%2Bc"), ("é", "%C3%A9"), ("\u{0}\n", "%00%0A"),
        ])
    func segments(text: String, encoded: String) {
        #expect(PercentEncoding.segment(text) == encoded)
        #expect(PercentEncoding.decode(encoded) == text)
    }

    @Test(
        "digits are of either case, and a plus is a space in queries alone",
        arguments: [("%2f%2F", "//", "//"), ("a+b", "a+b", "a b"), ("a%2Bb", "a+b", "a+b"), ("%41", "A", "A")])
    func decoding(text: String, path: String, query: String) {
        #expect(PercentEncoding.decode(text) == path)
        #expect(PercentEncoding.decode(text, plusIsSpace: true) == query)
    }

    @Test(
        "a percent sign without two digits, and what is not UTF-8, is refused",
        arguments: ["%", "%4", "a%", "%zz", "%4g", "%+1", "% 1", "%%41", "%C3", "%FF", "%C3%28", "%é1"])
    func refused(text: String) {
        #expect(PercentEncoding.decode(text) == nil)
    }
}
