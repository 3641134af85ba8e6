import Testing

@testable import ProxyTypes

@Suite("The nearest word")
struct EditDistanceTests {
    @Test(
        "distance counts insertions, deletions, replacements and swaps",
        arguments: [
            ("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "xabc", 1), ("abc", "acb", 1),
            ("abc", "cba", 2), ("ab", "", 2), ("", "ab", 2), ("max_conections", "max_connections", 1), ("abcd", "a", 3),
        ])
    func distance(a: String, b: String, distance: Int) {
        #expect(EditDistance.between(a, b) == distance)
        #expect(EditDistance.between(b, a) == distance)
    }

    @Test(
        "a word three edits away, or as far as it is long, is not suggested",
        arguments: [
            ("levle", "level"), ("LEVEL", nil), ("lvl", "level"), ("le", nil), ("tls_verfy", nil), ("", nil),
            (String(repeating: "a", count: 1 << 20), nil),
        ] as [(String, String?)])
    func suggestion(word: String, meant: String?) {
        #expect(EditDistance.nearest(to: word, among: ["level", "format", "tls"]) == meant)
    }

    @Test("of equally near words the first is suggested")
    func ties() {
        #expect(EditDistance.nearest(to: "max_idel", among: ["max_idle", "max_ideal"]) == "max_idle")
        #expect(EditDistance.nearest(to: "bat", among: ["cat", "rat"]) == "cat")
    }
}
