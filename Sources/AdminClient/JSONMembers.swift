/// Finds the members of a JSON object without decoding them, so that pages can be joined unchanged. Pure.
package enum JSONMembers {
    /// The bytes of one member's value; nil if the text is not an object or has no such member.
    package static func value(of name: String, in object: [UInt8]) -> ArraySlice<UInt8>? {
        var scanner = Scanner(rest: object[...])
        guard scanner.take(UInt8(ascii: "{")) else { return nil }
        while let key = scanner.takeString(), scanner.take(UInt8(ascii: ":")), let value = scanner.takeValue() {
            // The API's names need no escapes, so bytes can be compared.
            if key.elementsEqual(name.utf8) { return trimmed(value) }
            guard scanner.take(UInt8(ascii: ",")) else { return nil }
        }
        return nil
    }

    /// The bytes of each element of an array.
    package static func elements(of array: [UInt8]) -> [ArraySlice<UInt8>] {
        var scanner = Scanner(rest: array[...])
        guard scanner.take(UInt8(ascii: "[")) else { return [] }
        var elements: [ArraySlice<UInt8>] = []
        while let element = scanner.takeValue(), !element.isEmpty {
            elements.append(trimmed(element))
            guard scanner.take(UInt8(ascii: ",")) else { break }
        }
        return elements
    }

    /// One object with the items of all pages and the other members of the last. A single page is returned unchanged.
    package static func joined(_ pages: [[UInt8]]) -> [UInt8] {
        guard pages.count > 1, let last = pages.last else { return pages.first ?? Array(#"{"items":[]}"#.utf8) }
        var text = Array(#"{"items":["#.utf8)
        var isFirst = true
        for page in pages {
            let inner = trimmed((value(of: "items", in: page) ?? []).dropFirst().dropLast())
            if inner.isEmpty { continue }
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            text += inner
        }
        text.append(UInt8(ascii: "]"))
        for name in ["next_cursor", "total"] {
            guard let value = value(of: name, in: last) else { continue }
            text += Array(",\"\(name)\":".utf8) + value
        }
        return text + Array("}\n".utf8)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let front = bytes.drop(while: Scanner.isSpace)
        return front.prefix(upTo: (front.lastIndex { !Scanner.isSpace($0) } ?? front.startIndex - 1) + 1)
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        static func isSpace(_ byte: UInt8) -> Bool {
            byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        }

        mutating func take(_ byte: UInt8) -> Bool {
            rest = rest.drop(while: Self.isSpace)
            guard rest.first == byte else { return false }
            rest.removeFirst()
            return true
        }

        /// The bytes between the quotes.
        mutating func takeString() -> ArraySlice<UInt8>? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            var index = rest.startIndex
            while index < rest.endIndex {
                switch rest[index] {
                case UInt8(ascii: "\\"): index += 2
                case UInt8(ascii: "\""):
                    let text = rest[..<index]
                    rest = rest[(index + 1)...]
                    return text
                default: index += 1
                }
            }
            return nil
        }

        mutating func takeValue() -> ArraySlice<UInt8>? {
            rest = rest.drop(while: Self.isSpace)
            let start = rest.startIndex
            let all = rest
            var depth = 0
            while let byte = rest.first {
                switch byte {
                case UInt8(ascii: "\""):
                    guard takeString() != nil else { return nil }
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    depth += 1
                    rest.removeFirst()
                case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
                    if depth == 0 { return all[start..<rest.startIndex] }
                    if byte != UInt8(ascii: ",") { depth -= 1 }
                    rest.removeFirst()
                default:
                    rest.removeFirst()
                }
            }
            return nil
        }
    }
}
