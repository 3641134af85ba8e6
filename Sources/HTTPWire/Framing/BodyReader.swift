/// Follows one body through the buffers it arrives in: which bytes are its, and when it is whole. It keeps none of
/// them. Value.
package struct BodyReader: Sendable {
    private enum Kind: UInt8, BitwiseCopyable {
        case complete, length, chunked, untilClose
    }

    // In this order they fit into 48 bytes.
    private var chunks: ChunkDecoder
    private var kind: Kind

    package init(_ framing: BodyFraming, maxTrailerBytes: Int) {
        chunks = ChunkDecoder(maxTrailerBytes: maxTrailerBytes)
        switch framing {
        case .none, .length(0): kind = .complete
        case .length(let length):
            kind = .length
            chunks.remaining = length
        case .chunked: kind = .chunked
        case .untilClose: kind = .untilClose
        }
    }

    package var isComplete: Bool { kind == .complete }

    /// How many of the leading `bytes` belong to this body: they may be passed on exactly as they are.
    /// After a throw the reader must not be used.
    package mutating func consume(_ bytes: RawSpan) throws(WireError) -> Int {
        var none: [Range<Int>] = []
        return try advance(bytes, collect: false, content: &none)
    }

    /// The same, and the ranges of content among them are appended to `content`.
    package mutating func decode(_ bytes: RawSpan, content: inout [Range<Int>]) throws(WireError) -> Int {
        try advance(bytes, collect: true, content: &content)
    }

    /// The peer closed: true when the body is whole, false when it was cut.
    package mutating func end() -> Bool {
        if kind == .untilClose { kind = .complete }
        return kind == .complete
    }

    @inline(__always)
    private mutating func advance(
        _ bytes: RawSpan, collect: Bool, content: inout [Range<Int>]
    ) throws(WireError) -> Int {
        let taken: Int
        switch kind {
        case .complete: return 0
        case .untilClose: taken = bytes.byteCount
        case .length:
            taken = Int(min(chunks.remaining, UInt64(bytes.byteCount)))
            chunks.remaining -= UInt64(taken)
            if chunks.remaining == 0 { kind = .complete }
        case .chunked:
            let taken = try chunks.consume(bytes, collect: collect, content: &content)
            if chunks.isDone { kind = .complete }
            return taken
        }
        if collect, taken > 0 { content.append(0..<taken) }
        return taken
    }
}
