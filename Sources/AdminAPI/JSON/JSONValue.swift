import ProxyTypes

/// A JSON document with its members in order and its integers exact. Value.
enum JSONValue: Hashable, Sendable {
    case null
    case flag(Bool)
    case integer(Int)
    /// A number that is not whole, or does not fit in `Int`.
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([Member])

    struct Member: Hashable, Sendable {
        let name: String
        var value: JSONValue
    }

    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var members: [Member] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    /// A later member replaces an earlier one of the same name and keeps its position.
    func merging(_ other: JSONValue) -> JSONValue {
        var merged = members
        for member in other.members {
            if let index = merged.firstIndex(where: { $0.name == member.name }) {
                merged[index].value = member.value
            } else {
                merged.append(member)
            }
        }
        return .object(merged)
    }

    /// The name of its type, for error messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .flag: "true or false"
        case .integer: "a whole number"
        case .number: "a number that is not whole or too large"
        case .text: "a string"
        case .list: "a list"
        case .object: "an object"
        }
    }
}

extension JSONValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .flag(value) }
    init(arrayLiteral elements: JSONValue...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member(name: $0.0, value: $0.1) })
    }
}

extension JSONValue {
    /// Compact, UTF-8, members in order.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        write(into: &out)
        return out
    }

    var printed: String { String(decoding: bytes, as: UTF8.self) }

    private func write(into out: inout [UInt8]) {
        switch self {
        case .null: out += "null".utf8
        case .flag(let flag): out += (flag ? "true" : "false").utf8
        case .integer(let number): out += String(number).utf8
        case .number(let number): Self.write(number, into: &out)
        case .text(let string): JSONText.appendQuoted(string, to: &out)
        case .list(let items):
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                item.write(into: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONText.appendQuoted(member.name, to: &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(into: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    /// JSON has no infinity.
    private static func write(_ number: Double, into out: inout [UInt8]) {
        guard number.isFinite else { return out += "null".utf8 }
        let digits = "\(number)"
        out += digits.hasSuffix(".0") ? digits.dropLast(2).utf8 : digits[...].utf8
    }
}
