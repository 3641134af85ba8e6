/// The parameters of a Keep-Alive field (RFC 2068 19.7.1.1): `timeout=5, max=100`. What cannot be read is as if not
/// said. Value.
package struct KeepAliveFields: Equatable, BitwiseCopyable, Sendable {
    /// Seconds.
    package var timeout: Int?
    package var max: Int?

    package init(timeout: Int? = nil, max: Int? = nil) {
        self.timeout = timeout
        self.max = max
    }

    package static func parse(_ bytes: RawSpan, _ value: Range<Int>) -> KeepAliveFields {
        var found = KeepAliveFields()
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            let nameEnd = Grammar.firstOutsideToken(bytes, from: element.lowerBound, to: element.upperBound)
            guard nameEnd < element.upperBound, bytes.byte(nameEnd) == UInt8(ascii: "="),
                let number = Grammar.decimal(bytes, (nameEnd + 1)..<element.upperBound)
            else { continue }
            let length = nameEnd - element.lowerBound
            switch (length, Grammar.lowerWord(bytes, element.lowerBound, length)) {
            case (7, 0x0074_756F_656D_6974): found.timeout = Swift.min(Int(number), found.timeout ?? Int.max)
            case (3, 0x0078_616D): found.max = Swift.min(Int(number), found.max ?? Int.max)
            default: break
            }
        }
        return found
    }
}
