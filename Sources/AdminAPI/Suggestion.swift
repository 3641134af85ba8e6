import ProxyTypes

/// The hint that an error adds for an unknown name. Pure.
enum Suggestion {
    /// `; did you mean \`limit\`?`, else the known names when they are few, else nothing.
    static func of(_ word: String, among candidates: [String]) -> String {
        if let near = EditDistance.nearest(to: word, among: candidates) { return "; did you mean `\(near)`?" }
        if candidates.isEmpty { return "; there are none here" }
        return candidates.count > 12 ? "" : "; known are \(candidates.joined(separator: ", "))"
    }
}
