/// How far apart two words are, to suggest what an unknown word was meant to be. Pure.
package enum EditDistance {
    private static let farthest = 2

    /// The nearest candidate that `ifNear` accepts; of equally near ones the first.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        candidates.compactMap { name in ifNear(word, name).map { (name: name, distance: $0) } }
            .min { $0.distance < $1.distance }?.name
    }

    /// The distance of a candidate that may have been meant: at most two edits, and fewer than half of its bytes. Else
    /// nil.
    package static func ifNear(_ word: String, _ candidate: String) -> Int? {
        let distance = between(word, candidate)
        return distance <= farthest && distance * 2 < max(candidate.utf8.count, 3) ? distance : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Words whose lengths
    /// differ by more than two bytes are not compared; the result is then 3.
    static func between(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        if abs(a.count - b.count) > farthest { return farthest + 1 }
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
