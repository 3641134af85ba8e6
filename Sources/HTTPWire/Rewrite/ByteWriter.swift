/// Appends to memory that is known to be large enough. Value, within one call of the head writer.
struct ByteWriter {
    private let out: UnsafeMutableRawPointer
    private let source: UnsafeRawPointer
    private(set) var count = 0

    init(_ out: UnsafeMutableRawPointer, source: UnsafeRawPointer) {
        self.out = out
        self.source = source
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        out.advanced(by: count).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    /// A range of the source.
    @inline(__always)
    mutating func append(_ range: Range<Int>) {
        out.advanced(by: count).copyMemory(from: source.advanced(by: range.lowerBound), byteCount: range.count)
        count &+= range.count
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        out.advanced(by: count).copyMemory(from: base, byteCount: bytes.count)
        count &+= bytes.count
    }

    mutating func append(decimal value: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, value >= bound {
            digits += 1
            bound = digits < 20 ? bound &* 10 : bound
        }
        var rest = value
        var at = count &+ digits
        count = at
        for _ in 0..<digits {
            at &-= 1
            out.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) &+ 0x30, toByteOffset: at, as: UInt8.self)
            rest /= 10
        }
    }
}
