/// A line that connctl appends to a user's file; removing it restores the file byte for byte. Pure.
enum ManagedLine {
    private static let mark = "# connctl enable shell --user"
    /// The file did not end in a newline before.
    private static let joined = mark + " (and the line end before)"
    private static let code = #"if [ -r "$HOME/.config/connd/env.sh" ]; then . "$HOME/.config/connd/env.sh"; fi "#

    static var text: String { code + mark }

    static func isIn(_ content: String) -> Bool {
        content.split(separator: "\n").contains { isOwn($0) }
    }

    static func adding(to content: String) -> String {
        if isIn(content) { return content }
        return content.isEmpty || content.hasSuffix("\n")
            ? content + text + "\n" : content + "\n" + code + joined + "\n"
    }

    static func removing(from content: String) -> String {
        var lines = content.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count > 1, lines[lines.count - 2].hasSuffix(joined), lines.last == "" { lines.removeLast() }
        lines.removeAll { isOwn($0) }
        return lines.joined(separator: "\n")
    }

    private static func isOwn(_ line: Substring) -> Bool {
        line.hasSuffix(mark) || line.hasSuffix(joined)
    }
}
