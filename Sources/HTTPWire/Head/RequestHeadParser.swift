/// Parses request heads in place and refuses what is malformed or ambiguous (RFC 9112 2.2, 3, 5). Resumable; it never
/// reads past the head, and repairs nothing. Value.
///
///     emptyLines -> method -> target -> version -> fields -> (head filled)
package struct RequestHeadParser: Sendable {
    private enum Phase: UInt8 {
        case emptyLines, method, target, version, fields
    }

    private var phase = Phase.emptyLines
    private var position = 0
    private var messageStart = 0
    private var targetStart = 0
    private var targetEnd = 0
    private var minorVersion: UInt8 = 0
    private var scanner = HeadScanner(at: 0)
    /// The head was incomplete once: it is only checked until its end is there, then read again in one go, because the
    /// head given is shared with other connections between calls.
    private var resumed = false

    package init() {}

    /// `bytes` starts at the first byte of the message, and holds at least what it held on the last call. False: needs
    /// more. After true or a throw the parser is ready for another message.
    package mutating func parse(
        _ bytes: RawSpan, limits: HeadLimits, into head: inout RequestHead
    ) throws(WireError) -> Bool {
        do throws(WireError) {
            guard try advance(bytes, limits, record: !resumed, &head) else {
                resumed = true
                return false
            }
            if resumed {
                self = RequestHeadParser()
                _ = try advance(bytes, limits, record: true, &head)
            }
            try finish(bytes, &head)
            self = RequestHeadParser()
            return true
        } catch {
            self = RequestHeadParser()
            throw error
        }
    }

    private mutating func advance(
        _ bytes: RawSpan, _ limits: HeadLimits, record: Bool, _ head: inout RequestHead
    ) throws(WireError) -> Bool {
        let end = min(bytes.byteCount, limits.scanEnd)
        if record { head.removeAll() }
        if phase != .fields {
            guard try scanRequestLine(bytes, end, limits) else { return try incomplete(end, limits) }
            scanner = HeadScanner(at: position)
            phase = .fields
        }
        let found = try scanner.scan(
            bytes, to: end, maxFields: limits.maxFields, record: record, into: &head.fields
        )
        if found { return true }
        return try incomplete(end, limits)
    }

    /// What lies past the limit is never looked at, so the verdict does not depend on how the bytes arrived.
    private func incomplete(_ end: Int, _ limits: HeadLimits) throws(WireError) -> Bool {
        guard end < limits.scanEnd else { throw .headTooLarge }
        return false
    }

    private mutating func scanRequestLine(
        _ bytes: RawSpan, _ end: Int, _ limits: HeadLimits
    ) throws(WireError) -> Bool {
        switch phase {
        case .emptyLines:
            guard try skipEmptyLines(bytes, end) else { return false }
            phase = .method
            fallthrough
        case .method:
            position = Grammar.firstOutsideToken(bytes, from: position, to: end)
            guard position - messageStart <= HeadLimits.maxMethodBytes else { throw .methodTooLong }
            guard position < end else { return false }
            let byte = bytes.byte(position)
            guard byte == Grammar.space, position > messageStart else {
                throw byte == Grammar.lineFeed ? .bareLF : .badRequestLine
            }
            position += 1
            targetStart = position
            phase = .target
            fallthrough
        case .target:
            position = Grammar.firstOutsideTarget(bytes, from: position, to: end)
            guard position - targetStart <= limits.maxTargetBytes else { throw .targetTooLong }
            guard position < end else { return false }
            guard bytes.byte(position) == Grammar.space, position > targetStart else {
                throw faultInTarget(bytes)
            }
            targetEnd = position
            position += 1
            phase = .version
            fallthrough
        case .version:
            guard try scanVersion(bytes, end) else { return false }
            phase = .fields
            return true
        case .fields:
            return true
        }
    }

    private mutating func skipEmptyLines(_ bytes: RawSpan, _ end: Int) throws(WireError) -> Bool {
        while true {
            guard position < end else { return false }
            let byte = bytes.byte(position)
            guard byte == Grammar.carriageReturn else {
                if byte == Grammar.lineFeed { throw .bareLF }
                messageStart = position
                return true
            }
            guard position < 2 * HeadLimits.maxEmptyLines else { throw .badRequestLine }
            guard position + 1 < end else { return false }
            guard bytes.byte(position + 1) == Grammar.lineFeed else { throw .bareCR }
            position += 2
        }
    }

    private func faultInTarget(_ bytes: RawSpan) -> WireError {
        switch bytes.byte(position) {
        case Grammar.lineFeed: .bareLF
        case Grammar.space, Grammar.tab, Grammar.carriageReturn: .badRequestLine
        case 0x80... where RequestTarget.endsInAuthority(bytes, targetStart..<position): .hostBeyondASCII
        default: .badTarget
        }
    }

    private mutating func scanVersion(_ bytes: RawSpan, _ end: Int) throws(WireError) -> Bool {
        guard let digits = try VersionText.scan(bytes, position, end, fault: .badRequestLine) else { return false }
        let lineBreak = position + VersionText.length
        guard lineBreak < end else { return false }
        guard bytes.byte(lineBreak) == Grammar.carriageReturn else {
            throw bytes.byte(lineBreak) == Grammar.lineFeed ? .bareLF : .badRequestLine
        }
        guard lineBreak + 1 < end else { return false }
        guard bytes.byte(lineBreak + 1) == Grammar.lineFeed else { throw .bareCR }
        guard digits.major == 1 else { throw .unsupportedVersion }
        minorVersion = digits.minor
        position = lineBreak + 2
        return true
    }

    private func finish(_ bytes: RawSpan, _ head: inout RequestHead) throws(WireError) {
        head.methodRange = messageStart..<(targetStart - 1)
        head.method = Method.recognise(bytes, head.methodRange)
        head.target = targetStart..<targetEnd
        head.version = minorVersion == 0 ? .http10 : .http11
        head.length = scanner.position
        try head.interpret(bytes)
    }
}

/// `HTTP/` digit `.` digit. Higher minor versions of a major one are read as the highest known (RFC 9110 2.5).
enum VersionText {
    static let length = 8

    /// Nil: needs more. The bytes are looked at in order, so that the verdict does not depend on how they arrived.
    static func scan(
        _ bytes: RawSpan, _ start: Int, _ end: Int, fault: WireError
    ) throws(WireError) -> (major: UInt8, minor: UInt8)? {
        if start + length <= end {
            let word = bytes.word(start)
            if word == 0x312E_312F_5054_5448 { return (1, 1) }
            if word == 0x302E_312F_5054_5448 { return (1, 0) }
        }
        for offset in 0..<length {
            guard start + offset < end else { return nil }
            let byte = bytes.byte(start + offset)
            let fits =
                switch offset {
                case 0: byte == UInt8(ascii: "H")
                case 1, 2: byte == UInt8(ascii: "T")
                case 3: byte == UInt8(ascii: "P")
                case 4: byte == UInt8(ascii: "/")
                case 6: byte == UInt8(ascii: ".")
                default: Grammar.isDigit(byte)
                }
            guard fits else { throw byte == Grammar.lineFeed ? .bareLF : fault }
        }
        return (bytes.byte(start + 5) &- 0x30, bytes.byte(start + 7) &- 0x30)
    }
}
