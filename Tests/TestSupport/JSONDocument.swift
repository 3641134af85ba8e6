import Foundation

/// JSON that a program printed, read by member names and indices; anything missing is null. Value.
package enum JSONDocument: Decodable, Hashable, Sendable, CustomStringConvertible {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONDocument])
    case object([String: JSONDocument])

    /// Throws if the text is not exactly one JSON value.
    package init(parsing text: String) throws {
        do {
            self = try JSONDecoder().decode(JSONDocument.self, from: Data(text.utf8))
        } catch {
            throw TestFailure("this is no JSON: \(text.prefix(2000))")
        }
    }

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSONDocument].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSONDocument].self))
        }
    }

    package subscript(name: String) -> JSONDocument {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }

    package subscript(index: Int) -> JSONDocument {
        items.indices.contains(index) ? items[index] : .null
    }

    package var items: [JSONDocument] { if case .list(let items) = self { items } else { [] } }
    package var members: [String: JSONDocument] { if case .object(let members) = self { members } else { [:] } }
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
    package var double: Double? { if case .number(let number) = self { number } else { nil } }
    package var int: Int? { double.flatMap { Int(exactly: $0) } }
    /// Of an object whose members are whole numbers.
    package var counts: [String: Int] { members.compactMapValues(\.int) }

    package var description: String {
        switch self {
        case .null: "null"
        case .flag(let flag): "\(flag)"
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .text(let text): "\"\(text)\""
        case .list(let items): "\(items)"
        case .object(let members):
            "{" + members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        }
    }
}
