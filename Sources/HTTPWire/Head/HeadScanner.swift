/// Finds the field lines of a head and refuses what is malformed in them (RFC 9112 5). Resumable: a few words of state,
/// no byte is looked at twice. It gives the lines no meaning. Value.
///
///     lineStart -> name -> value -> lineStart … -> (empty line) end
struct HeadScanner: Sendable {
    private enum Phase: UInt8 {
        case lineStart, name, value
    }

    private var phase = Phase.lineStart
    /// The next byte to look at.
    private(set) var position: Int
    private var lineStart: Int
    private var count = 0

    init(at position: Int) {
        self.position = position
        lineStart = position
    }

    /// True when the empty line that ends the head was found: `position` is after it. `record` may be true only from
    /// the first call on: a scan that was interrupted does not know where the parts of its current line began.
    mutating func scan(
        _ bytes: RawSpan, to end: Int, maxFields: Int, record: Bool, into table: inout FieldTable
    ) throws(WireError) -> Bool {
        var at = position
        var nameEnd = at
        var valueStart = at
        while true {
            switch phase {
            case .lineStart:
                guard at < end else { return suspended(at) }
                if bytes.byte(at) == Grammar.carriageReturn {
                    guard at &+ 1 < end else { return suspended(at) }
                    guard bytes.byte(at &+ 1) == Grammar.lineFeed else { throw .bareCR }
                    position = at &+ 2
                    return true
                }
                guard count < maxFields else { throw .tooManyFields }
                count &+= 1
                lineStart = at
                phase = .name
                fallthrough
            case .name:
                at = Grammar.firstOutsideToken(bytes, from: at, to: end)
                guard at < end else { return suspended(at) }
                let byte = bytes.byte(at)
                guard byte == UInt8(ascii: ":"), at > lineStart else {
                    throw Self.faultInName(byte, atLineStart: at == lineStart)
                }
                nameEnd = at
                at &+= 1
                if record {
                    while at < end, Grammar.isBlank(bytes.byte(at)) { at &+= 1 }
                    valueStart = at
                }
                phase = .value
                fallthrough
            case .value:
                at = Grammar.firstControl(bytes, from: at, to: end)
                while at < end, bytes.byte(at) == Grammar.tab {
                    at = Grammar.firstControl(bytes, from: at &+ 1, to: end)
                }
                guard at < end else { return suspended(at) }
                let byte = bytes.byte(at)
                guard byte == Grammar.carriageReturn else {
                    throw byte == Grammar.lineFeed ? .bareLF : .controlCharacter
                }
                guard at &+ 1 < end else { return suspended(at) }
                guard bytes.byte(at &+ 1) == Grammar.lineFeed else { throw .bareCR }
                if record {
                    table.append(entry(bytes, nameEnd: nameEnd, valueStart: valueStart, lineBreak: at))
                }
                at &+= 2
                phase = .lineStart
            }
        }
    }

    @inline(__always)
    private mutating func suspended(_ at: Int) -> Bool {
        position = at
        return false
    }

    @inline(__always)
    private func entry(_ bytes: RawSpan, nameEnd: Int, valueStart: Int, lineBreak: Int) -> FieldTable.Entry {
        var valueEnd = lineBreak
        while valueEnd > valueStart, Grammar.isBlank(bytes.byte(valueEnd &- 1)) { valueEnd &-= 1 }
        return FieldTable.Entry(
            lineStart: UInt32(truncatingIfNeeded: lineStart), nameEnd: UInt32(truncatingIfNeeded: nameEnd),
            valueStart: UInt32(truncatingIfNeeded: valueStart), valueEnd: UInt32(truncatingIfNeeded: valueEnd),
            lineEnd: UInt32(truncatingIfNeeded: lineBreak &+ 2),
            id: FieldID.recognise(bytes, lineStart..<nameEnd), dropped: false
        )
    }

    private static func faultInName(_ byte: UInt8, atLineStart: Bool) -> WireError {
        switch byte {
        case Grammar.space, Grammar.tab: atLineStart ? .foldedLine : .whitespaceBeforeColon
        case Grammar.lineFeed: .bareLF
        case Grammar.carriageReturn: .badFieldName
        case 0..<0x20, 0x7F: .controlCharacter
        default: .badFieldName
        }
    }
}
