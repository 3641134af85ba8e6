/// Finds what was probably meant by a word that is not known. Pure.
enum Suggestion {
    private static let farthest = 2

    /// `; did you mean \`limit\`?`, else those there are when they are few, else nothing.
    static func of(_ word: String, among candidates: [String]) -> String {
        if let near = nearest(word, among: candidates) { return "; did you mean `\(near)`?" }
        if candidates.isEmpty { return "; there are none here" }
        return candidates.count > 12 ? "" : "; known are \(candidates.joined(separator: ", "))"
    }

    static func nearest(_ word: String, among candidates: [String]) -> String? {
        // A word longer than any name is none; measuring it would only cost time.
        guard word.utf8.count <= 64 else { return nil }
        let near = candidates.map { (name: $0, distance: distance(word, $0)) }
            .filter { $0.distance <= farthest && $0.distance * 2 < max($0.name.utf8.count, 3) }
        return near.min { $0.distance < $1.distance }?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
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
