import AdminModels
import ProxyTypes

/// Reads the members of a request body and collects the problems of each. Value.
struct BodyReader {
    private(set) var problems: [FieldProblem] = []

    mutating func refuse(_ pointer: String, _ detail: String) {
        problems.append(FieldProblem(pointer: pointer, detail: detail))
    }

    /// RFC 6901.
    static func pointer(_ parent: String, _ name: String) -> String {
        parent + "/" + JSONText.pointerToken(name)
    }

    /// The members of an object. Unknown members are refused; `null` counts as absent.
    mutating func members(of value: JSONValue, at pointer: String, known: [String], required: [String] = [])
        -> [String: JSONValue]
    {
        guard case .object(let members) = value else {
            refuse(pointer, "must be an object, not \(value.kind)")
            return [:]
        }
        var taken: [String: JSONValue] = [:]
        for member in members {
            if known.contains(member.name) {
                if member.value != .null { taken[member.name] = member.value }
            } else {
                refuse(Self.pointer(pointer, member.name), "unknown field" + Suggestion.of(member.name, among: known))
            }
        }
        for name in required where taken[name] == nil { refuse(Self.pointer(pointer, name), "is missing") }
        return taken
    }

    mutating func text(_ value: JSONValue?, at pointer: String, longest: Int) -> String? {
        guard let value else { return nil }
        guard case .text(let text) = value else {
            refuse(pointer, "must be a string, not \(value.kind)")
            return nil
        }
        if text.unicodeScalars.count > longest {
            refuse(pointer, "must be at most \(longest) characters long")
            return nil
        }
        if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            refuse(pointer, "must not have control characters in it")
            return nil
        }
        return text
    }

    mutating func integer(_ value: JSONValue?, at pointer: String, in range: ClosedRange<Int>) -> Int? {
        guard let value else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            let given = if case .integer(let number) = value { "\(number)" } else { value.kind }
            refuse(pointer, "must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(given)")
            return nil
        }
        return number
    }

    mutating func flag(_ value: JSONValue?, at pointer: String) -> Bool? {
        guard let value else { return nil }
        guard case .flag(let flag) = value else {
            refuse(pointer, "must be true or false, not \(value.kind)")
            return nil
        }
        return flag
    }

    mutating func list(_ value: JSONValue?, at pointer: String, longest: Int) -> [JSONValue]? {
        guard let value else { return nil }
        guard case .list(let items) = value else {
            refuse(pointer, "must be a list, not \(value.kind)")
            return nil
        }
        if items.count > longest {
            refuse(pointer, "must have at most \(longest) items")
            return nil
        }
        return items
    }

    mutating func texts(_ value: JSONValue?, at pointer: String, most: Int, longest: Int) -> [String]? {
        guard let items = list(value, at: pointer, longest: most) else { return nil }
        return items.enumerated().compactMap { text($1, at: "\(pointer)/\($0)", longest: longest) }
    }
}
