/// Checks a chunked body byte by byte and finds its content and its end (RFC 9112 7.1). It holds no byte of it. Value.
///
///     sizeStart -> size -> [extension…] -> sizeLF -> data -> dataCR -> dataLF -> sizeStart …
///     size 0: sizeLF -> trailerStart -> (trailerName -> trailerValue -> trailerLF -> trailerStart)… -> endLF -> done
///
/// The end is what follows the last chunk: the line of size zero, the trailers and the empty line. There are readers that
/// take a body for whole when they have seen its line of size zero, so the end is taken in one piece or not at all: bytes
/// that belong to it, or may (the zeros before a size), are not taken until it is there, and are given again then.
///
/// Stricter than the RFC: no whitespace around a chunk's size or in its extensions outside quotes.
struct ChunkDecoder: BitwiseCopyable, Sendable {
    private enum Phase: UInt8, BitwiseCopyable {
        case sizeStart, size, extensionStart, extensionName, extensionValueStart, extensionValue
        case quoted, escaped, afterQuoted, sizeLF
        case data, dataCR, dataLF
        case trailerStart, trailerName, trailerValue, trailerLF, endLF, done
    }

    static let maxSizeDigits: UInt16 = 16
    static let maxExtensionBytes: UInt16 = 4_096

    /// Content of the current chunk that is still to come; of a body with a length, of that.
    var remaining: UInt64 = 0
    /// Bytes of the end that have been looked at: the next call gives them again, in front.
    private(set) var endLength: UInt32 = 0
    /// Trailer lines that must not be passed on.
    private(set) var dropped: UInt32 = 0
    private var trailerBytes: UInt32 = 0
    /// Of the current trailer line, counted from the beginning of the end.
    private var nameStart: UInt32 = 0
    /// Digits of the size, then bytes of the extension.
    private var lineBytes: UInt16 = 0
    private var phase = Phase.sizeStart

    var isDone: Bool { phase == .done }

    /// How many of the leading bytes are taken. The ranges of content among them are appended where `collect`.
    mutating func consume(
        _ bytes: RawSpan, _ rules: TrailerRules, collect: Bool, content: inout [Range<Int>]
    ) throws(WireError) -> Int {
        let end = bytes.byteCount
        var at = Int(endLength)
        var lineStart = 0
        while at < end, phase != .done {
            if phase == .data {
                let taken = Int(min(remaining, UInt64(end &- at)))
                if collect { content.append(at..<(at &+ taken)) }
                remaining &-= UInt64(taken)
                at &+= taken
                if remaining == 0 { phase = .dataCR }
            } else {
                if phase == .sizeStart { lineStart = at }
                try step(bytes, at, lineStart, rules)
                at &+= 1
            }
        }
        endLength = isInEnd ? UInt32(clamping: at &- lineStart) : 0
        return endLength == 0 || phase == .done ? at : lineStart
    }

    /// What of the bytes that were taken last, and ended the body, is passed on: all but the trailers to be dropped.
    func appendKept(_ bytes: RawSpan, taken: Int, _ rules: TrailerRules, to ranges: inout [Range<Int>]) {
        var at = Self.lineEnd(bytes, from: taken - Int(endLength))
        var start = 0
        while at < taken, bytes.byte(at) != Grammar.carriageReturn {
            let line = at
            let nameEnd = Grammar.firstOutsideToken(bytes, from: line, to: taken)
            at = Self.lineEnd(bytes, from: nameEnd)
            if rules.forbids(bytes, line..<nameEnd) {
                if start < line { ranges.append(start..<line) }
                start = at
            }
        }
        ranges.append(start..<taken)
    }

    private static func lineEnd(_ bytes: RawSpan, from start: Int) -> Int {
        var at = start
        while at < bytes.byteCount, bytes.byte(at) != Grammar.lineFeed { at &+= 1 }
        return at &+ 1
    }

    /// In a line of size zero or of zeros so far, or behind it.
    private var isInEnd: Bool {
        switch phase {
        case .size, .extensionStart, .extensionName, .extensionValueStart, .extensionValue, .quoted, .escaped,
            .afterQuoted, .sizeLF:
            remaining == 0
        case .trailerStart, .trailerName, .trailerValue, .trailerLF, .endLF, .done: true
        case .sizeStart, .data, .dataCR, .dataLF: false
        }
    }

    /// `lineStart`: of the size line, which is where the end begins if this is it.
    private mutating func step(
        _ bytes: RawSpan, _ at: Int, _ lineStart: Int, _ rules: TrailerRules
    ) throws(WireError) {
        let byte = bytes.byte(at)
        switch phase {
        case .sizeStart, .size: try stepSize(byte)
        case .extensionStart, .extensionName, .extensionValueStart, .extensionValue, .quoted, .escaped, .afterQuoted:
            try stepExtension(byte)
        case .sizeLF:
            guard byte == Grammar.lineFeed else { throw .bareCR }
            phase = remaining == 0 ? .trailerStart : .data
        case .dataCR:
            guard byte == Grammar.carriageReturn else { throw .badChunkEnd }
            phase = .dataLF
        case .dataLF:
            guard byte == Grammar.lineFeed else { throw .badChunkEnd }
            phase = .sizeStart
        case .trailerStart, .trailerName, .trailerValue, .trailerLF, .endLF:
            guard trailerBytes < rules.maxBytes || phase == .endLF || byte == Grammar.carriageReturn else {
                throw .trailersTooLarge
            }
            trailerBytes &+= 1
            try stepTrailer(bytes, at, lineStart, rules)
        case .data, .done: break
        }
    }

    private mutating func stepSize(_ byte: UInt8) throws(WireError) {
        if phase == .sizeStart {
            remaining = 0
            lineBytes = 0
        }
        let digit = Grammar.hexDigit(byte)
        if digit < 16 {
            // Sixteen digits hold every size, and 2^63 and more are refused: others may count with a sign.
            guard lineBytes < Self.maxSizeDigits, remaining <= UInt64(Int64.max) >> 4 else { throw .badChunkSize }
            remaining = remaining << 4 | UInt64(digit)
            lineBytes += 1
            phase = .size
            return
        }
        guard phase == .size else { throw byte == Grammar.lineFeed ? .bareLF : .badChunkSize }
        switch byte {
        case Grammar.carriageReturn: phase = .sizeLF
        case UInt8(ascii: ";"):
            lineBytes = 0
            phase = .extensionStart
        default: throw byte == Grammar.lineFeed ? .bareLF : .badChunkSize
        }
    }

    private mutating func stepExtension(_ byte: UInt8) throws(WireError) {
        guard byte != Grammar.lineFeed else { throw .bareLF }
        lineBytes += 1
        guard lineBytes <= Self.maxExtensionBytes else { throw .chunkExtensionTooLong }
        switch phase {
        case .quoted:
            if byte == UInt8(ascii: "\"") {
                phase = .afterQuoted
            } else if byte == UInt8(ascii: "\\") {
                phase = .escaped
            } else if !Grammar.isFieldText(byte) {
                throw .badChunkExtension
            }
        case .escaped:
            guard Grammar.isFieldText(byte) else { throw .badChunkExtension }
            phase = .quoted
        case .extensionStart, .extensionValueStart:
            if Grammar.isToken(byte) {
                phase = phase == .extensionStart ? .extensionName : .extensionValue
            } else if phase == .extensionValueStart, byte == UInt8(ascii: "\"") {
                phase = .quoted
            } else {
                throw .badChunkExtension
            }
        default:
            switch byte {
            case Grammar.carriageReturn: phase = .sizeLF
            case UInt8(ascii: ";"): phase = .extensionStart
            case UInt8(ascii: "=") where phase == .extensionName: phase = .extensionValueStart
            default: guard phase != .afterQuoted, Grammar.isToken(byte) else { throw .badChunkExtension }
            }
        }
    }

    private mutating func stepTrailer(
        _ bytes: RawSpan, _ at: Int, _ lineStart: Int, _ rules: TrailerRules
    ) throws(WireError) {
        let byte = bytes.byte(at)
        switch phase {
        case .trailerStart:
            if byte == Grammar.carriageReturn {
                phase = .endLF
            } else {
                guard !Grammar.isBlank(byte) else { throw .foldedLine }
                guard Grammar.isToken(byte) else { throw byte == Grammar.lineFeed ? .bareLF : .badTrailer }
                nameStart = UInt32(clamping: at &- lineStart)
                phase = .trailerName
            }
        case .trailerName:
            guard !Grammar.isToken(byte) else { return }
            switch byte {
            case UInt8(ascii: ":"): try endTrailerName(bytes, (lineStart &+ Int(nameStart))..<at, rules)
            case Grammar.space, Grammar.tab: throw .whitespaceBeforeColon
            case Grammar.lineFeed: throw .bareLF
            default: throw .badTrailer
            }
        case .trailerValue:
            if byte == Grammar.carriageReturn {
                phase = .trailerLF
            } else if !Grammar.isFieldText(byte) {
                throw byte == Grammar.lineFeed ? .bareLF : .controlCharacter
            }
        case .trailerLF, .endLF:
            guard byte == Grammar.lineFeed else { throw .bareCR }
            phase = phase == .endLF ? .done : .trailerStart
        default: break
        }
    }

    private mutating func endTrailerName(
        _ bytes: RawSpan, _ name: Range<Int>, _ rules: TrailerRules
    ) throws(WireError) {
        phase = .trailerValue
        guard rules.forbids(bytes, name) else { return }
        guard rules.forbidden == .dropped else { throw .forbiddenTrailer }
        dropped &+= 1
    }
}
