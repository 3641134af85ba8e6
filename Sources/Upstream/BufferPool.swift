package import NIOCore

/// Write buffers that go round: a request's head and a response's head are written into storage that an earlier one
/// has left, so that a request in steady state allocates none. Loop-bound.
package struct BufferPool {
    private var spare: [ByteBuffer] = []
    private let capacity: Int
    private let maxSpare: Int
    /// A larger buffer is let go instead of kept, so that one big head does not hold memory for ever.
    private let largestKept: Int

    package init(capacity: Int = 2048, maxSpare: Int = 256, largestKept: Int = 64 * 1024) {
        self.capacity = capacity
        self.maxSpare = maxSpare
        self.largestKept = largestKept
        spare.reserveCapacity(maxSpare)
    }

    /// An empty buffer.
    package mutating func take() -> ByteBuffer {
        while var buffer = spare.popLast() {
            // A socket that could not take all at once still holds it: then it is not ours to overwrite.
            if buffer.modifyIfUniquelyOwned({ $0.clear() }) != nil { return buffer }
        }
        return ByteBufferAllocator().buffer(capacity: capacity)
    }

    package mutating func give(_ buffer: consuming ByteBuffer) {
        guard spare.count < maxSpare, buffer.storageCapacity > 0, buffer.storageCapacity <= largestKept else { return }
        spare.append(buffer)
    }
}
