#if CONND_PLANTED_FAULTS
    import ProxyTypes
#endif

/// Follows one body through the buffers it arrives in: which bytes are its, and when it is whole. It keeps none of
/// them: while the body is not complete, bytes that were not taken are given again, with more behind them. Value.
package struct BodyReader: Sendable {
    private enum Kind: UInt8, BitwiseCopyable {
        case complete, length, chunked, untilClose
    }

    // In this order they fit into 48 bytes.
    private var chunks = ChunkDecoder()
    private let trailers: TrailerRules
    private var kind: Kind

    package init(_ framing: BodyFraming, trailers: TrailerRules) {
        self.trailers = trailers
        switch framing {
        case .none, .length(0): kind = .complete
        case .length(let length):
            kind = .length
            chunks.remaining = length
        case .chunked: kind = .chunked
        case .untilClose: kind = .untilClose
        }
    }

    /// Of no message.
    package init() {
        self.init(.none, trailers: TrailerRules(maxBytes: 0))
    }

    package var isComplete: Bool { kind == .complete }

    /// Fields of a complete body's trailers that must not be passed on; where there are any, `appendKept` says what is.
    package var droppedTrailers: Int { isComplete ? Int(chunks.dropped) : 0 }

    /// How many of the leading `bytes` are taken: they may be passed on exactly as they are. The end of a chunked body
    /// is taken in one piece, so that what was passed on never looks whole before it is. After a throw the reader must
    /// not be used.
    package mutating func consume(_ bytes: RawSpan) throws(WireError) -> Int {
        var none: [Range<Int>] = []
        return try advance(bytes, collect: false, content: &none)
    }

    /// The same, and the ranges of content among them are appended to `content`.
    package mutating func decode(_ bytes: RawSpan, content: inout [Range<Int>]) throws(WireError) -> Int {
        try advance(bytes, collect: true, content: &content)
    }

    /// What of the `taken` bytes that completed the body is passed on, where not all of it is.
    package func appendKept(_ bytes: RawSpan, taken: Int, to ranges: inout [Range<Int>]) {
        chunks.appendKept(bytes, taken: taken, trailers, to: &ranges)
    }

    /// The peer closed: true when the body is whole, false when it was cut.
    package mutating func end() -> Bool {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.cutBodyIsWhole) { return true }
        #endif
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
            let taken = try chunks.consume(bytes, trailers, collect: collect, content: &content)
            if chunks.isDone { kind = .complete }
            return taken
        }
        if collect, taken > 0 { content.append(0..<taken) }
        return taken
    }
}
