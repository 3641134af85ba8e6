import AdminModels

/// The strong ETag of the settings, and conditions on it (RFC 9110 13.1). Pure.
enum Revision {
    /// The simple forms of `If-Match`, for the OpenAPI document. Lists and weak tags are accepted too.
    static let schema: JSONValue = [
        "type": "string", "anyOf": [["const": "*"], ["type": "string", "pattern": #"^"[!#-~]+"$"#]],
    ]

    static func tag(_ revision: UInt64) -> String { "\"r\(revision)\"" }

    /// A parsed `If-Match` or `If-None-Match`.
    enum Condition: Equatable {
        case any
        /// Separate, because weak tags never match for a change.
        case tags(strong: [UInt64], weak: [UInt64])
    }

    /// Nil if the field is malformed. Well-formed tags that connd never made match nothing.
    static func condition(_ field: String) -> Condition? {
        var rest = Array(field.utf8)[...]
        var strong: [UInt64] = []
        var weak: [UInt64] = []
        func skip(_ bytes: [UInt8]) { rest = rest.drop { bytes.contains($0) } }
        skip([0x20, 0x09])
        if rest.first == UInt8(ascii: "*") {
            return rest.dropFirst().allSatisfy { $0 == 0x20 || $0 == 0x09 } ? .any : nil
        }
        var isFirst = true
        while !rest.isEmpty {
            if !isFirst {
                guard rest.first == UInt8(ascii: ",") else { return nil }
                skip([0x20, 0x09, UInt8(ascii: ",")])
                if rest.isEmpty { break }
            }
            isFirst = false
            let isWeak = rest.starts(with: Array("W/".utf8))
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.first == UInt8(ascii: "\"") else { return nil }
            let content = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }
            guard content.endIndex < rest.endIndex, content.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
            rest = rest[(content.endIndex + 1)...]
            if let number = number(content) {
                if isWeak { weak.append(number) } else { strong.append(number) }
            }
            skip([0x20, 0x09])
        }
        return isFirst ? nil : .tags(strong: strong, weak: weak)
    }

    private static func number(_ content: ArraySlice<UInt8>) -> UInt64? {
        guard content.first == UInt8(ascii: "r"), content.count > 1 else { return nil }
        let digits = content.dropFirst()
        // `r007` is the same number but another tag.
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != 0x30 || digits.count == 1 else {
            return nil
        }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
