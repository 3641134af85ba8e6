#if canImport(Glibc)
    import Glibc
#endif

/// Content that identifies itself: records of 16 bytes that name the request, the side that made them and their
/// position, so that a byte of one exchange is recognised in another. Pure.
///
///     0000002a>00001f\n
enum Content {
    /// Who made the bytes.
    enum Maker: Equatable, Sendable {
        case client
        /// The origin, in answer to the n-th time that it received the request.
        case origin(attempt: Int)

        var mark: UInt8 {
            switch self {
            case .client: UInt8(ascii: ">")
            case .origin(let attempt): UInt8(ascii: "a") + UInt8(truncatingIfNeeded: attempt % 26)
            }
        }
    }

    private static let record = 16

    /// One record as two words, as they lie in memory.
    @inline(__always)
    private static func record(_ index: Int, _ nonce: Nonce, _ mark: UInt8) -> (UInt64, UInt64) {
        let first = digits(UInt64(nonce))
        let second = digits(UInt64(truncatingIfNeeded: index & 0xFF_FFFF)) >> 16
        return (first, UInt64(mark) | second << 8 | 10 << 56)
    }

    /// Eight hexadecimal digits of the low half, the first one in the lowest byte.
    @inline(__always)
    private static func digits(_ value: UInt64) -> UInt64 {
        var nibbles: UInt64 = 0
        for place in 0..<8 { nibbles |= (value >> UInt64(28 - 4 * place) & 15) << UInt64(8 * place) }
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
    }

    static func bytes(_ nonce: Nonce, _ maker: Maker, _ range: Range<Int>) -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let first = range.lowerBound / record
        let end = (range.upperBound + record - 1) / record
        let mark = maker.mark
        let skipped = range.lowerBound - first * record
        var made = [UInt8](unsafeUninitializedCapacity: (end - first) * record) { room, count in
            let words = UnsafeMutableRawBufferPointer(room)
            for index in first..<end {
                let (low, high) = record(index, nonce, mark)
                words.storeBytes(of: low, toByteOffset: (index - first) * record, as: UInt64.self)
                words.storeBytes(of: high, toByteOffset: (index - first) * record + 8, as: UInt64.self)
            }
            count = skipped + range.count
        }
        if skipped > 0 { made.removeFirst(skipped) }
        return made
    }

    /// The first position at which `found`, which starts at `offset`, differs from the content of `maker` for `nonce`;
    /// nil if there is none.
    static func mismatch(_ nonce: Nonce, _ maker: Maker, at offset: Int, _ found: ArraySlice<UInt8>) -> Int? {
        let expected = bytes(nonce, maker, offset..<(offset + found.count))
        let isEqual = expected.withUnsafeBytes { expected in
            found.withUnsafeBytes { found in
                guard let first = expected.baseAddress, let second = found.baseAddress else { return true }
                return memcmp(first, second, found.count) == 0
            }
        }
        if isEqual { return nil }
        return zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }.map { offset + $0.offset }
    }
}
