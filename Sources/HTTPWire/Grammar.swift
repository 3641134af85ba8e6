/// The bytes of HTTP/1.x: character classes (RFC 9110 5.6) and the word-wide scans over them. It decides nothing.
enum Grammar {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// tchar.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        inSet(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    }

    /// What a registered name may hold here: the unreserved characters of RFC 3986, without percent-encoding.
    @inline(__always)
    static func isHostName(_ byte: UInt8) -> Bool {
        inSet(byte, low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// HTAB, SP, VCHAR or obs-text: what a field's value and a reason phrase are made of.
    @inline(__always)
    static func isFieldText(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7F) || byte == tab }

    /// The value of a hexadecimal digit; 16 and more for any other byte.
    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8 {
        if isDigit(byte) { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : 0xFF
    }

    @inline(__always)
    private static func inSet(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        byte < 128 && ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 != 0
    }

    /// The first control character (HTAB and DEL count) in `start..<end`, or `end`.
    @inline(__always)
    static func firstControl(_ bytes: RawSpan, from start: Int, to end: Int) -> Int {
        var at = start
        while at &+ 8 <= end {
            let word = bytes.word(at)
            let found = (below(word, 0x20) | equal(word, 0x7F)) & highs
            if found != 0 { return at &+ found.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < end {
            let byte = bytes.byte(at)
            if byte < 0x20 || byte == 0x7F { return at }
            at &+= 1
        }
        return end
    }

    /// The first byte in `start..<end` that a request target may not hold (all but 0x21–0x7E, and `#`), or `end`.
    @inline(__always)
    static func firstOutsideTarget(_ bytes: RawSpan, from start: Int, to end: Int) -> Int {
        var at = start
        while at &+ 8 <= end {
            let word = bytes.word(at)
            let found = (below(word, 0x21) | equal(word, 0x7F) | equal(word, 0x23) | word) & highs
            if found != 0 { return at &+ found.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < end {
            let byte = bytes.byte(at)
            if byte < 0x21 || byte > 0x7E || byte == 0x23 { return at }
            at &+= 1
        }
        return end
    }

    /// The first byte in `start..<end` that is no tchar, or `end`.
    @inline(__always)
    static func firstOutsideToken(_ bytes: RawSpan, from start: Int, to end: Int) -> Int {
        var at = start
        while true {
            // Names are letters and hyphens for the most part: those are passed a word at a time.
            while at &+ 8 <= end {
                let found = outsideLettersAndHyphens(bytes.word(at))
                guard found != 0 else {
                    at &+= 8
                    continue
                }
                at &+= found.trailingZeroBitCount / 8
                break
            }
            guard at < end, isToken(bytes.byte(at)) else { return at }
            at &+= 1
        }
    }

    /// Up to eight bytes from `start` as a little-endian word, letters in lower case, zeros past `length`.
    ///
    /// Setting bit 5 lower-cases letters; of the bytes that may stand in a head, no other becomes a letter, a digit or
    /// a hyphen by it, so a comparison with a word of those is exact.
    @inline(__always)
    static func lowerWord(_ bytes: RawSpan, _ start: Int, _ length: Int) -> UInt64 {
        let word = exactWord(bytes, start, length)
        return length >= 8 ? word | 0x2020_2020_2020_2020 : word | (0x2020_2020_2020_2020 & mask(length))
    }

    /// The same, bytes as they are.
    @inline(__always)
    static func exactWord(_ bytes: RawSpan, _ start: Int, _ length: Int) -> UInt64 {
        guard length > 0 else { return 0 }
        if start &+ 8 <= bytes.byteCount {
            return length >= 8 ? bytes.word(start) : bytes.word(start) & mask(length)
        }
        var word: UInt64 = 0
        for offset in 0..<min(length, 8) where start + offset < bytes.byteCount {
            word |= UInt64(bytes.byte(start &+ offset)) &<< UInt64(8 &* offset)
        }
        return word
    }

    @inline(__always)
    private static func mask(_ length: Int) -> UInt64 {
        length <= 0 ? 0 : (1 &<< UInt64(8 &* length)) &- 1
    }

    // Of both flags only the lowest one set is exact (a borrow runs upward), and only the lowest is used.

    @inline(__always)
    private static func below(_ word: UInt64, _ bound: UInt64) -> UInt64 {
        (word &- ones &* bound) & ~word
    }

    @inline(__always)
    private static func equal(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        let difference = word ^ (ones &* byte)
        return (difference &- ones) & ~difference
    }

    /// The high bit of each byte that is neither letter nor hyphen; exact up to the first such byte.
    @inline(__always)
    private static func outsideLettersAndHyphens(_ word: UInt64) -> UInt64 {
        let lower = word | (ones &* 0x20)
        let letters = (lower &+ ones &* (0x80 - 0x61)) & ~(lower &+ ones &* (0x80 - 0x7B))
        let hyphens = ~((word ^ (ones &* 0x2D)) &+ ones &* 0x7F)
        return (~(letters | hyphens) | word) & highs
    }

    /// Without the blanks around it.
    @inline(__always)
    static func trimmed(_ bytes: RawSpan, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, isBlank(bytes.byte(start)) { start &+= 1 }
        while end > start, isBlank(bytes.byte(end &- 1)) { end &-= 1 }
        return start..<end
    }

    /// Decimal digits only, at least one, up to Int64.max; nil otherwise.
    static func decimal(_ bytes: RawSpan, _ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for at in range {
            let byte = bytes.byte(at)
            guard isDigit(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(byte &- 0x30))
            guard !overflow, !carried, sum <= UInt64(Int64.max) else { return nil }
            value = sum
        }
        return value
    }

    static func isTokenOnly(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        !range.isEmpty
            && firstOutsideToken(bytes, from: range.lowerBound, to: range.upperBound) == range.upperBound
    }

    /// ASCII letters of either case are the same.
    static func sameIgnoringCase(_ a: RawSpan, _ one: Range<Int>, _ b: RawSpan, _ other: Range<Int>) -> Bool {
        guard one.count == other.count else { return false }
        for offset in 0..<one.count
        where lowered(a.byte(one.lowerBound &+ offset)) != lowered(b.byte(other.lowerBound &+ offset)) {
            return false
        }
        return true
    }

    @inline(__always)
    private static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}

/// Unchecked loads: every caller has proven its offset against an end that is not past `byteCount`.
extension RawSpan {
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < byteCount)
        return unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    func word(_ offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= byteCount)
        return UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }
}

/// The elements of a comma-separated value, blanks trimmed, empty ones included. Value.
struct ListElements {
    private var position: Int
    private let end: Int

    init(_ range: Range<Int>) {
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next(_ bytes: RawSpan) -> Range<Int>? {
        guard position <= end else { return nil }
        let start = position
        var at = start
        while at < end, bytes.byte(at) != UInt8(ascii: ",") { at &+= 1 }
        position = at &+ 1
        return Grammar.trimmed(bytes, start..<at)
    }
}
