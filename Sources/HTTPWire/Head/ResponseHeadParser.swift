/// Parses response heads in place and refuses what is malformed or ambiguous (RFC 9112 4, 5). Resumable; it never reads
/// past the head, and repairs nothing. Value.
///
///     statusLine -> reason -> fields -> (head filled)
package struct ResponseHeadParser: Sendable {
    private enum Phase: UInt8 {
        case statusLine, reason, fields
    }

    /// `HTTP/1.1 200`
    private static let reasonOffset = VersionText.length + 4

    private var phase = Phase.statusLine
    private var position = 0
    private var reasonEnd = 0
    private var scanner = HeadScanner(at: 0)
    /// The head was incomplete once: it is only checked until its end is there, then read again in one go, because the
    /// head given is shared with other connections between calls.
    private var resumed = false

    package init() {}

    /// `bytes` starts at the first byte of the message, and holds at least what it held on the last call. False: needs
    /// more. After true or a throw the parser is ready for another message.
    package mutating func parse(
        _ bytes: RawSpan, requestMethod: Method, limits: HeadLimits, into head: inout ResponseHead
    ) throws(WireError) -> Bool {
        do throws(WireError) {
            guard try advance(bytes, limits, record: !resumed, &head) else {
                resumed = true
                return false
            }
            if resumed {
                self = ResponseHeadParser()
                _ = try advance(bytes, limits, record: true, &head)
            }
            try finish(bytes, requestMethod, &head)
            self = ResponseHeadParser()
            return true
        } catch {
            self = ResponseHeadParser()
            throw error
        }
    }

    private mutating func advance(
        _ bytes: RawSpan, _ limits: HeadLimits, record: Bool, _ head: inout ResponseHead
    ) throws(WireError) -> Bool {
        let end = min(bytes.byteCount, limits.scanEnd)
        if record { head.removeAll() }
        if phase != .fields {
            guard try scanStatusLine(bytes, end) else { return try incomplete(end, limits) }
            scanner = HeadScanner(at: position)
            phase = .fields
        }
        let found = try scanner.scan(
            bytes, to: end, maxFields: limits.maxFields, record: record, into: &head.fields
        )
        if found { return true }
        return try incomplete(end, limits)
    }

    private func incomplete(_ end: Int, _ limits: HeadLimits) throws(WireError) -> Bool {
        guard end < limits.scanEnd else { throw .headTooLarge }
        return false
    }

    private mutating func scanStatusLine(_ bytes: RawSpan, _ end: Int) throws(WireError) -> Bool {
        if phase == .statusLine {
            guard try scanStatus(bytes, end) else { return false }
            phase = .reason
            position = Self.reasonOffset
        }
        position = Grammar.firstControl(bytes, from: position, to: end)
        while position < end, bytes.byte(position) == Grammar.tab {
            position = Grammar.firstControl(bytes, from: position + 1, to: end)
        }
        guard position < end else { return false }
        let byte = bytes.byte(position)
        guard byte == Grammar.carriageReturn else { throw byte == Grammar.lineFeed ? .bareLF : .badStatusLine }
        guard position + 1 < end else { return false }
        guard bytes.byte(position + 1) == Grammar.lineFeed else { throw .bareCR }
        reasonEnd = position
        position += 2
        return true
    }

    /// Up to the byte after the status code, which may be the end of the line: some origins leave out the space before
    /// an empty reason.
    private func scanStatus(_ bytes: RawSpan, _ end: Int) throws(WireError) -> Bool {
        guard let digits = try VersionText.scan(bytes, 0, end, fault: .badStatusLine) else { return false }
        for offset in VersionText.length...Self.reasonOffset {
            guard offset < end else { return false }
            let byte = bytes.byte(offset)
            let fits =
                switch offset - VersionText.length {
                case 0: byte == Grammar.space
                case 1: byte &- 0x31 < 5
                case 4: byte == Grammar.space || byte == Grammar.carriageReturn
                default: Grammar.isDigit(byte)
                }
            guard fits else { throw byte == Grammar.lineFeed ? .bareLF : .badStatusLine }
        }
        guard digits.major == 1 else { throw .unsupportedVersion }
        return true
    }

    private func finish(_ bytes: RawSpan, _ method: Method, _ head: inout ResponseHead) throws(WireError) {
        head.version = bytes.byte(VersionText.length - 1) == UInt8(ascii: "0") ? .http10 : .http11
        let digits = VersionText.length + 1
        head.status =
            Int(bytes.byte(digits) &- 0x30) * 100 + Int(bytes.byte(digits + 1) &- 0x30) * 10
            + Int(bytes.byte(digits + 2) &- 0x30)
        head.reason = min(Self.reasonOffset + 1, reasonEnd)..<reasonEnd
        head.length = scanner.position
        try head.interpret(bytes, requestMethod: method)
    }
}
