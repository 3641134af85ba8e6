/// Accepts global options before the verb, and suggests a verb for a misspelt one. Pure.
enum ArgumentOrder {
    private static let withValue = ["--admin", "--token-file", "-o", "--output"]
    private static let flags = ["--no-color"]
    private static let known = ["help", "-h", "--help", "-help", "--version", "--help-hidden"]

    static func verbFirst(_ arguments: [String], verbs: [String]) throws(CommandFailure) -> [String] {
        var rest = arguments[...]
        var options: [String] = []
        while let first = rest.first, first.hasPrefix("-") {
            if withValue.contains(first), rest.count > 1 {
                options += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if flags.contains(first) || withValue.contains(where: { first.hasPrefix($0 + "=") }) {
                options.append(first)
                rest = rest.dropFirst()
            } else {
                return arguments
            }
        }
        guard let verb = rest.first else {
            if options.isEmpty { return arguments }
            throw CommandFailure("no command was given", status: .usage, next: ["connctl help    lists the commands"])
        }
        guard verbs.contains(verb) || known.contains(verb) else {
            let near = SpellingSuggestion.of(verb, among: verbs)
            throw CommandFailure(
                "there is no command `\(verb)`" + (near.map { "; did you mean `\($0)`?" } ?? ""), status: .usage,
                next: [near.map { "connctl help \($0)" } ?? "connctl help    lists the commands"])
        }
        return [verb] + options + rest.dropFirst()
    }
}
