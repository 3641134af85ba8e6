/// Which metrics a Prometheus query names. Pure.
package enum QueryText {
    /// The metrics, without functions, labels and what stands in quotes.
    package static func metrics(in query: String) -> Set<String> {
        let bare =
            query
            .replacing(/"[^"]*"/, with: "")
            .replacing(/\{[^}]*\}|\[[^\]]*\]|\boffset\s+[0-9]+[a-z]+/, with: " ")
            .replacing(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/, with: " ")
        let words: Set = ["and", "or", "unless", "bool"]
        let names = bare.matches(of: /(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?<call>\s*\()?/).compactMap { match in
            match.output.call == nil ? String(match.output.name) : nil
        }
        return Set(names.filter { !words.contains($0) })
    }
}
