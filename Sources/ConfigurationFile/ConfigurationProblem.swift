/// One problem of a config file or a command line: where, what, and what is allowed. Value.
package struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// The file as named by the user, or the option.
    package let place: String
    package let line: Int?
    package let column: Int?
    package let text: String

    package init(_ place: String, line: Int? = nil, column: Int? = nil, _ text: String) {
        self.place = place
        self.line = line
        self.column = column
        self.text = text
    }

    package var description: String {
        ([place] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":") + ": " + text
    }
}

/// All problems, in the order of the file. Never empty.
package struct ConfigurationFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Collects problems, so that all of a file are reported at once. Value.
struct ProblemList {
    /// Bounds the output for a file that is no config file of connd at all.
    static let most = 100

    let file: String
    private(set) var problems: [ConfigurationProblem] = []

    init(file: String) {
        self.file = file
    }

    mutating func add(_ text: String, at node: ConfigurationNode) {
        guard problems.count < Self.most else { return }
        let problem = ConfigurationProblem(file, line: node.line, column: node.column, text)
        if !problems.contains(problem) { problems.append(problem) }
    }

    var sorted: [ConfigurationProblem] {
        problems.sorted { ($0.line ?? 0, $0.column ?? 0, $0.text) < ($1.line ?? 0, $1.column ?? 0, $1.text) }
    }
}
