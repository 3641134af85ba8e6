import Testing

@testable import Tuning

@Suite struct NearMissTests {
    @Test(
        "distance counts insertions, deletions, replacements and swaps",
        arguments: [
            ("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "xabc", 1), ("abc", "acb", 1),
            ("abc", "cba", 2), ("ab", "", 2), ("", "ab", 2), ("max_conections", "max_connections", 1),
        ])
    func distance(a: String, b: String, distance: Int) {
        #expect(NearMiss.distance(a, b) == distance)
        #expect(NearMiss.distance(b, a) == distance)
    }

    @Test(
        "a word three edits away, or as far as it is long, was not meant",
        arguments: [
            ("levle", "level"), ("LEVEL", nil), ("lvl", "level"), ("le", nil), ("tls_verfy", nil), ("", nil),
        ] as [(String, String?)])
    func suggestion(word: String, meant: String?) {
        #expect(NearMiss.of(word, among: ["level", "format", "tls"]) == meant)
    }
}
