import ProxyTypes

/// Finds the known words that are closest to an unknown one. Pure.
enum SpellingSuggestion {
    /// The closest candidates, at most three: within two edits, or containing the word.
    static func all(_ word: String, among candidates: [String]) -> [String] {
        let word = word.lowercased()
        var near: [(name: String, distance: Int)] = []
        for candidate in candidates {
            if let distance = EditDistance.ifNear(word, candidate) {
                near.append((candidate, distance))
            } else if word.count >= 3, candidate.contains(word) {
                near.append((candidate, 3))
            }
        }
        // Sorting is stable, so equally close candidates keep their order.
        return near.sorted { $0.distance < $1.distance }.prefix(3).map(\.name)
    }

    static func of(_ word: String, among candidates: [String]) -> String? {
        all(word, among: candidates).first
    }
}
