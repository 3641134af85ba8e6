#if canImport(Glibc)
    import Glibc
#endif

/// Bytes that had to be kept: a growing region of memory that is written at its end and read from its start. Empty, it may
/// hold no memory at all. Value, never copied.
package struct ByteQueue: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    package init() {}

    deinit {
        free(base)
    }

    package var count: Int { end - start }
    package var isEmpty: Bool { end == start }

    /// Valid until the next change.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0 + start) }, count: end - start)
    }

    /// At least `count` bytes of room behind the end, to be written and then committed.
    package mutating func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        if capacity - end < count { grow(by: count) }
        return UnsafeMutableRawBufferPointer(start: base.map { $0 + end }, count: capacity - end)
    }

    package mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= capacity - end)
        end += count
    }

    package mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, !source.isEmpty else { return }
        room(for: source.count).copyMemory(from: UnsafeRawBufferPointer(start: from, count: source.count))
        end += source.count
    }

    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start)
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Forgets the bytes, and the memory too where it is more than `kept`.
    package mutating func clear(keeping kept: Int) {
        start = 0
        end = 0
        guard capacity > kept else { return }
        free(base)
        base = nil
        capacity = 0
    }

    private mutating func grow(by wanted: Int) {
        let count = end - start
        if start > 0, capacity - count >= wanted, start >= capacity / 2 {
            if let base { memmove(base, base + start, count) }
        } else {
            let larger = max(count + wanted, capacity * 2, 512)
            guard let fresh = malloc(larger) else { preconditionFailure("out of memory") }
            if let base { memcpy(fresh, base + start, count) }
            free(base)
            base = fresh
            capacity = larger
        }
        start = 0
        end = count
    }
}
