/// Finds what was probably meant by a word that is not known. Pure.
enum NearMiss {
    /// The closest candidates, at most three: within two edits, or the one the word is the beginning of.
    static func all(_ word: String, among candidates: [String]) -> [String] {
        let word = word.lowercased()
        var near: [(name: String, distance: Int)] = []
        for candidate in candidates {
            let distance = distance(word, candidate)
            if distance <= 2, distance * 2 < candidate.count {
                near.append((candidate, distance))
            } else if word.count >= 3, candidate.contains(word) {
                near.append((candidate, 3))
            }
        }
        // Sorting keeps the order of those that are equally close.
        return near.sorted { $0.distance < $1.distance }.prefix(3).map(\.name)
    }

    static func of(_ word: String, among candidates: [String]) -> String? {
        all(word, among: candidates).first
    }

    /// Insertions, deletions, replacements and swaps of neighbours.
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8.prefix(64)))
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var best = min(
                    rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
