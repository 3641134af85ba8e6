import Tuning
import Yams

/// A node of the file with its position, limited to the YAML features that a config file needs. Value.
struct ConfigurationNode {
    enum Content {
        /// `isNull`: empty, or an unquoted `~` or `null`.
        case scalar(String, isNull: Bool)
        case list([ConfigurationNode])
        case mapping([(key: ConfigurationNode, value: ConfigurationNode)])
        /// Already reported as a problem.
        case refused
    }

    let content: Content
    let line: Int
    let column: Int

    /// How an error names what was found.
    var shape: String {
        switch content {
        case .scalar(_, isNull: true): "empty"
        case .scalar(let text, _): ValueProblem.quoted(text)
        case .list: "a list"
        case .mapping: "a mapping"
        case .refused: "this"
        }
    }

    var isNull: Bool {
        guard case .scalar(_, isNull: true) = content else { return false }
        return true
    }

    /// Refuses a node with an anchor as a whole: aliases of aliases grow without bound.
    init(_ node: Node, _ problems: inout ProblemList) {
        line = node.mark?.line ?? 1
        column = node.mark?.column ?? 1
        let place = ConfigurationNode(content: .refused, line: line, column: column)
        if node.anchor != nil {
            problems.add("anchors and aliases (`&` and `*`) are not taken; write the values out", at: place)
            content = .refused
            return
        }
        guard Self.plainTags.contains(node.tag.description) else {
            problems.add("tags (`!`) are not taken; write the value alone", at: place)
            content = .refused
            return
        }
        switch node {
        case .scalar(let scalar):
            content = .scalar(
                scalar.string, isNull: scalar.style == .plain && ["", "~", "null"].contains(scalar.string))
        case .sequence(let sequence):
            content = .list(sequence.map { ConfigurationNode($0, &problems) })
        case .mapping(let mapping):
            content = .mapping(
                mapping.map { (ConfigurationNode($0.key, &problems), ConfigurationNode($0.value, &problems)) })
        case .alias:
            content = .refused
        }
    }

    private init(content: Content, line: Int, column: Int) {
        self.content = content
        self.line = line
        self.column = column
    }

    private static let plainTags = Set([Tag.Name.implicit, .str, .seq, .map].map(\.rawValue))
}

extension ConfigurationNode {
    /// The root of the file; nil where it has only comments, or is no YAML, which is reported.
    static func parse(_ text: String, _ problems: inout ProblemList) -> ConfigurationNode? {
        let end = ConfigurationNode(content: .refused, line: 1, column: 1)
        do {
            // Without a resolver all scalars stay text, which each setting parses itself (`on`, `1e3`, `0x10`).
            let parser = try Parser(yaml: text, resolver: .basic)
            // Nodes reference their anchors weakly, and lose them with the parser.
            return try withExtendedLifetime(parser) {
                try parser.singleRoot().map { ConfigurationNode($0, &problems) }
            }
        } catch let error as YamlError {
            let (words, found) = explain(error)
            let place = found.map { ConfigurationNode(content: .refused, line: $0.line, column: $0.column) } ?? end
            problems.add(words, at: place)
        } catch {
            problems.add("not valid YAML", at: end)
        }
        return nil
    }

    private typealias Position = (line: Int, column: Int)

    private static func explain(_ error: YamlError) -> (words: String, position: Position?) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            (
                "not valid YAML: " + (context.map { "\($0.text) (line \($0.mark.line)): " } ?? "") + problem,
                (mark.line, mark.column)
            )
        case .reader(let problem, let offset, _, let yaml):
            ("not valid YAML: \(problem)", offset.map { position(of: $0, in: yaml) })
        case .duplicatedKeysInMapping(let keys, let context):
            (
                keys.map { "`\($0)`" }.joined(separator: ", ") + " is given twice in one mapping, first here",
                (context.mark.line, context.mark.column)
            )
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded: ("not valid YAML", nil)
        }
    }

    /// Counted in Unicode scalars, as libyaml does; CR LF would be one `Character`.
    private static func position(of offset: Int, in text: String) -> Position {
        let before = text.prefix(offset).unicodeScalars
        let lastLine = before.split(separator: "\n", omittingEmptySubsequences: false).last
        return (line: before.count { $0 == "\n" } + 1, column: (lastLine?.count ?? 0) + 1)
    }
}
