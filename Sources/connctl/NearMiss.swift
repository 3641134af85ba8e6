import ProxyTypes

/// Finds what was probably meant by a word that is not known. Pure.
enum NearMiss {
    /// The closest candidates, at most three: within two edits, or with the word in them.
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
        // Sorting keeps the order of those that are equally close.
        return near.sorted { $0.distance < $1.distance }.prefix(3).map(\.name)
    }

    static func of(_ word: String, among candidates: [String]) -> String? {
        all(word, among: candidates).first
    }
}
