/// One problem of an edit: where, what, and what is allowed. Value.
package struct SettingProblem: Hashable, Sendable, CustomStringConvertible {
    package enum Field: Hashable, Sendable {
        /// By the name as given.
        case setting(String)
        case pattern, reason, tryFor, actor
        /// The edit as a whole.
        case edit
    }

    /// A closed set; the API maps each to a status.
    package enum Kind: Hashable, Sendable {
        case unknownSetting, wrongValue, notAvailable, contradiction, givenTwice, empty, tooLong, tooMany
        /// The value may only be set with a reason.
        case reasonMissing
        /// There is no trial to confirm or to revert.
        case noTrial
    }

    package let field: Field
    package let kind: Kind
    /// A complete sentence.
    package let text: String
    /// The known name closest to an unknown one.
    package let suggestion: String?
    /// The index of the element of an import; nil for other edits.
    package let index: Int?

    package init(_ field: Field, _ kind: Kind, _ text: String, suggestion: String? = nil, index: Int? = nil) {
        self.field = field
        self.kind = kind
        self.text = text
        self.suggestion = suggestion
        self.index = index
    }

    package var description: String { text }
}

/// All problems of an edit, of which nothing was applied. Never empty.
package struct SettingProblems: Error, Hashable, Sendable, CustomStringConvertible {
    package let problems: [SettingProblem]

    package init(_ problems: [SettingProblem]) {
        self.problems = problems
    }

    package var description: String { problems.map(\.text).joined(separator: "\n") }
}
