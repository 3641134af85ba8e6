/// Why a text is not JSON, and where. Value.
struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    let line: Int
    let column: Int
    let detail: String

    var description: String { "line \(line), column \(column): \(detail)" }
}

/// Parses RFC 8259 strictly; duplicate members, lone surrogates and nesting beyond 32 are refused too. A byte order
/// mark at the start is skipped (RFC 8259 8.1). Value.
struct JSONParser {
    static let deepest = 32

    private let bytes: [UInt8]
    private var index = 0

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes.starts(with: Self.byteOrderMark) ? Array(bytes.dropFirst(Self.byteOrderMark.count)) : bytes
    }

    static func parse(_ bytes: some Sequence<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        var parser = JSONParser(Array(bytes))
        if parser.bytes.starts(with: [0xFE, 0xFF]) || parser.bytes.starts(with: [0xFF, 0xFE]) {
            throw parser.problem("the document must be UTF-8, and starts with the byte order mark of UTF-16 or UTF-32")
        }
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        if parser.index < parser.bytes.count { throw parser.problem("there is more after the end of the document") }
        return value
    }

    private func problem(_ detail: String, at place: Int? = nil) -> JSONSyntaxError {
        let before = bytes[..<min(place ?? index, bytes.count)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        // Columns count characters as an editor does, so UTF-8 continuation bytes do not count.
        let column = before[start...].count { $0 & 0xC0 != 0x80 } + 1
        return JSONSyntaxError(line: line, column: column, detail: detail)
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        if depth > Self.deepest { throw problem("nested more than \(Self.deepest) deep") }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case nil: throw problem("the document ends where a value is expected")
        default: throw problem("a value is due here")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        guard bytes[index...].starts(with: word.utf8) else { throw problem("a value is due here") }
        index += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        index += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            let place = index
            guard current == UInt8(ascii: "\"") else {
                throw problem("a member's name in double quotes is expected here")
            }
            let name = try string()
            guard names.insert(name).inserted else { throw problem("`\(name)` is given twice", at: place) }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw problem("a colon is due here") }
            members.append(.init(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw problem("a comma or } is due here") }
        }
    }

    private mutating func list(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        index += 1
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .list([]) }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .list(items) }
            guard take(UInt8(ascii: ",")) else { throw problem("a comma or ] is due here") }
        }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        let start = index
        index += 1
        var content: [UInt8] = []
        while let byte = current {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw problem("this string is not UTF-8", at: start)
                }
                return text
            case UInt8(ascii: "\\"): content += try escape().utf8
            case 0..<0x20: throw problem("control characters in strings are written as \\u00…", at: index - 1)
            default: content.append(byte)
            }
        }
        throw problem("this string has no end", at: start)
    }

    private mutating func escape() throws(JSONSyntaxError) -> String {
        let start = index - 1
        defer { index += 1 }
        switch current {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return String(try unicode(from: start))
        default: throw problem("there is no such escape", at: start)
        }
    }

    /// Leaves the index on the last digit.
    private mutating func unicode(from start: Int) throws(JSONSyntaxError) -> Unicode.Scalar {
        let first = try hexadecimal(from: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, bytes[(index + 1)...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else {
            throw problem("half of a surrogate pair", at: start)
        }
        index += 2
        let second = try hexadecimal(from: start)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw problem("half of a surrogate pair", at: start) }
        return scalar
    }

    private mutating func hexadecimal(from start: Int) throws(JSONSyntaxError) -> UInt32 {
        var number: UInt32 = 0
        for _ in 0..<4 {
            index += 1
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw problem("\\u takes four hexadecimal digits", at: start)
            }
            number = number << 4 | UInt32(digit)
        }
        return number
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = index
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        if index == start { throw problem("a digit is due here") }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw problem("this number is too large", at: start) }
        // To JSON Schema, 2.0 and 1e3 are whole numbers; beyond 2^53 a double is no longer exact.
        if number.magnitude < 0x1p53, let integer = Int(exactly: number) { return .integer(integer) }
        return .number(number)
    }
}
