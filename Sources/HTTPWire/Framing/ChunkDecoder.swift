/// Checks a chunked body byte by byte and finds its content and its end (RFC 9112 7.1). It holds no byte of it. Value.
///
///     sizeStart -> size -> [extension…] -> sizeLF -> data -> dataCR -> dataLF -> sizeStart …
///     size 0: sizeLF -> trailerStart -> (trailerName -> trailerValue -> trailerLF -> trailerStart)… -> endLF -> done
///
/// Stricter than the RFC: no whitespace around a chunk's size or in its extensions outside quotes; no trailer that
/// would frame or route the message.
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
    // The first 24 bytes of a trailer's name, as `Grammar.lowerWord` makes words.
    private var name0: UInt64 = 0
    private var name1: UInt64 = 0
    private var name2: UInt64 = 0
    private var trailerBytes: UInt32 = 0
    private let maxTrailerBytes: UInt32
    /// Digits of the size, then bytes of the extension.
    private var lineBytes: UInt16 = 0
    private var nameLength: UInt8 = 0
    private var phase = Phase.sizeStart

    init(maxTrailerBytes: Int) {
        self.maxTrailerBytes = UInt32(clamping: maxTrailerBytes)
    }

    var isDone: Bool { phase == .done }

    /// How many of the leading bytes belong to the body. The ranges of content among them are appended where `collect`.
    mutating func consume(
        _ bytes: RawSpan, collect: Bool, content: inout [Range<Int>]
    ) throws(WireError) -> Int {
        let end = bytes.byteCount
        var at = 0
        while at < end, phase != .done {
            if phase == .data {
                let taken = Int(min(remaining, UInt64(end &- at)))
                if collect { content.append(at..<(at &+ taken)) }
                remaining &-= UInt64(taken)
                at &+= taken
                if remaining == 0 { phase = .dataCR }
            } else {
                try step(bytes.byte(at))
                at &+= 1
            }
        }
        return at
    }

    private mutating func step(_ byte: UInt8) throws(WireError) {
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
            guard trailerBytes < maxTrailerBytes || phase == .endLF || byte == Grammar.carriageReturn else {
                throw .trailersTooLarge
            }
            trailerBytes &+= 1
            try stepTrailer(byte)
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

    private mutating func stepTrailer(_ byte: UInt8) throws(WireError) {
        switch phase {
        case .trailerStart:
            if byte == Grammar.carriageReturn {
                phase = .endLF
            } else {
                guard !Grammar.isBlank(byte) else { throw .foldedLine }
                (name0, name1, name2, nameLength) = (0, 0, 0, 0)
                phase = .trailerName
                try stepTrailerName(byte)
            }
        case .trailerName: try stepTrailerName(byte)
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

    private mutating func stepTrailerName(_ byte: UInt8) throws(WireError) {
        if Grammar.isToken(byte) {
            let letter = UInt64(byte | 0x20) << UInt64(8 * (nameLength & 7))
            switch nameLength {
            case 0..<8: name0 |= letter
            case 8..<16: name1 |= letter
            case 16..<24: name2 |= letter
            default: break
            }
            nameLength = nameLength == .max ? .max : nameLength + 1
            return
        }
        switch byte {
        case UInt8(ascii: ":") where nameLength > 0:
            guard !Self.isForbidden(FieldID.recognise(Int(nameLength), name0, name1, name2, 0)) else {
                throw .forbiddenTrailer
            }
            phase = .trailerValue
        case Grammar.space, Grammar.tab: throw .whitespaceBeforeColon
        case Grammar.lineFeed: throw .bareLF
        default: throw .badTrailer
        }
    }

    /// RFC 9110 6.5.1: a recipient that merged these into the head would read another message.
    private static func isForbidden(_ id: FieldID) -> Bool {
        switch id {
        case .contentLength, .transferEncoding, .host, .connection, .keepAlive, .proxyConnection, .te, .trailer,
            .upgrade, .proxyAuthorization, .proxyAuthenticate, .expect, .maxForwards:
            true
        case .other, .via, .proxyAuthenticationInfo, .date, .server: false
        }
    }
}
