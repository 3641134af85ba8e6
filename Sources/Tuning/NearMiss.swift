/// Finds what was probably meant by a word that is not known. Pure.
package enum NearMiss {
    static let farthest = 2

    /// The closest candidate within two edits, and less than half of the word; of equally close ones the first.
    package static func of(_ word: String, among candidates: [String]) -> String? {
        let near = candidates.map { (name: $0, distance: distance(word, $0)) }
            .filter { $0.distance <= farthest && $0.distance * 2 < $0.name.count }
        return near.min { $0.distance < $1.distance }?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Words whose lengths
    /// differ by more than the farthest are not looked at.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
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
