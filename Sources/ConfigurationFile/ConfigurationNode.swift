import Tuning
import Yams

/// A piece of the file with its place, free of what YAML can do and a config file need not. Value.
struct ConfigurationNode {
    enum Content {
        /// `isNull`: written as nothing, `~` or `null` without quotes.
        case scalar(String, isNull: Bool)
        case list([ConfigurationNode])
        case mapping([(key: ConfigurationNode, value: ConfigurationNode)])
        /// Was told as a problem already.
        case refused
    }

    let content: Content
    let line: Int
    let column: Int

    /// For what a problem says came instead.
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

    /// An anchored node is refused whole and not looked into: aliases of aliases grow without bound.
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
    /// The root of the file; nil where there is nothing but comments, or what is there is no YAML, which is told.
    static func parse(_ text: String, _ problems: inout ProblemList) -> ConfigurationNode? {
        let end = ConfigurationNode(content: .refused, line: 1, column: 1)
        do {
            // Without a resolver all scalars stay text: `on`, `1e3` and `0x10` mean what the setting says.
            let parser = try Parser(yaml: text, resolver: .basic)
            // Nodes hold their anchors weakly, and lose them with the parser.
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

    private typealias Place = (line: Int, column: Int)

    private static func explain(_ error: YamlError) -> (words: String, place: Place?) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            (
                "not valid YAML: " + (context.map { "\($0.text) (line \($0.mark.line)): " } ?? "") + problem,
                (mark.line, mark.column)
            )
        case .reader(let problem, let offset, _, let yaml):
            ("not valid YAML: \(problem)", offset.map { place(of: $0, in: yaml) })
        case .duplicatedKeysInMapping(let keys, let context):
            (
                keys.map { "`\($0)`" }.joined(separator: ", ") + " is given twice in one mapping, first here",
                (context.mark.line, context.mark.column)
            )
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded: ("not valid YAML", nil)
        }
    }

    /// By Unicode scalars, as libyaml counts; to a `Character`, CR LF is one.
    private static func place(of offset: Int, in text: String) -> Place {
        let before = text.prefix(offset).unicodeScalars
        let lastLine = before.split(separator: "\n", omittingEmptySubsequences: false).last
        return (line: before.count { $0 == "\n" } + 1, column: (lastLine?.count ?? 0) + 1)
    }
}
