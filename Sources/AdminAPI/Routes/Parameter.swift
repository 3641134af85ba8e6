import AdminModels

/// One parameter of an operation, which both parsing and the OpenAPI document follow. Value.
struct Parameter: Sendable {
    enum Location: String { case path, query, header }

    enum Kind: Sendable {
        case text(longest: Int)
        case integer(ClosedRange<Int>)
        case choice([String])
        case flag
        case time
    }

    enum Value: Hashable, Sendable {
        case text(String)
        case integer(Int)
        case flag(Bool)
        /// Milliseconds since 1970.
        case time(Int64)
    }

    let name: String
    let location: Location
    let kind: Kind
    let help: String
    var standard: JSONValue?
    var example: JSONValue?

    static func query(
        _ name: String, _ kind: Kind, _ help: String, standard: JSONValue? = nil, example: JSONValue? = nil
    ) -> Parameter {
        Parameter(name: name, location: .query, kind: kind, help: help, standard: standard, example: example)
    }

    static func path(_ name: String, _ kind: Kind, _ help: String, example: JSONValue? = nil) -> Parameter {
        Parameter(name: name, location: .path, kind: kind, help: help, example: example)
    }

    /// How problems refer to it: `?limit`, `{origin}`, or a field's name.
    var pointer: String {
        switch location {
        case .query: "?\(name)"
        case .path: "{\(name)}"
        case .header: name
        }
    }

    func read(_ text: String, now: Int64) -> Result<Value, ParameterProblem> {
        switch kind {
        case .text(let longest):
            if text.isEmpty { return .failure(.init("must not be empty")) }
            if text.unicodeScalars.count > longest {
                return .failure(.init("must be at most \(longest) characters long"))
            }
            if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
                return .failure(.init("must not have control characters in it"))
            }
            return .success(.text(text))
        case .integer(let range):
            let isPlain = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isPlain, let number = Int(text), range.contains(number) else {
                let bound =
                    range.upperBound == .max ? "\(range.lowerBound) on" : "\(range.lowerBound) to \(range.upperBound)"
                return .failure(.init("must be a whole number from \(bound)"))
            }
            return .success(.integer(number))
        case .choice(let words):
            guard words.contains(text) else {
                return .failure(.init("must be one of \(words.joined(separator: ", "))"))
            }
            return .success(.text(text))
        case .flag:
            guard text == "true" || text == "false" else { return .failure(.init("must be true or false")) }
            return .success(.flag(text == "true"))
        case .time:
            guard let time = TimeText.parse(text, now: now) else {
                return .failure(
                    .init("must be a time as RFC 3339, a time ago such as -1h, or milliseconds since 1970"))
            }
            return .success(.time(time))
        }
    }
}

/// What a parameter must be, worded to follow its name.
struct ParameterProblem: Error {
    let detail: String

    init(_ detail: String) { self.detail = detail }
}
