/// Finds a proxy's own name among the hops that a message says it passed (RFC 9110 7.6.3).
extension RequestHead {
    /// True when the received-by of any Via entry is `pseudonym`, in any case.
    package func viaContains(_ pseudonym: RawSpan, in bytes: RawSpan) -> Bool {
        guard fields.contains(.via) else { return false }
        for index in 0..<fields.count where fields[index].id == .via {
            var hops = ViaHops(fields[index].value)
            while let receivedBy = hops.next(bytes) {
                if Grammar.sameIgnoringCase(bytes, receivedBy, pseudonym, 0..<pseudonym.byteCount) { return true }
            }
        }
        return false
    }
}

/// The received-by of each entry of a Via value: `1.1 name (comment), …`. Value.
private struct ViaHops {
    private var at: Int
    private let end: Int

    init(_ range: Range<Int>) {
        at = range.lowerBound
        end = range.upperBound
    }

    mutating func next(_ bytes: RawSpan) -> Range<Int>? {
        skipBlanksAndCommas(bytes)
        guard at < end else { return nil }
        skipWord(bytes)
        while at < end, Grammar.isBlank(bytes.byte(at)) { at += 1 }
        let start = at
        skipWord(bytes)
        let found = start..<at
        skipRest(bytes)
        return found
    }

    private mutating func skipBlanksAndCommas(_ bytes: RawSpan) {
        while at < end, Grammar.isBlank(bytes.byte(at)) || bytes.byte(at) == UInt8(ascii: ",") { at += 1 }
    }

    private mutating func skipWord(_ bytes: RawSpan) {
        while at < end, !Grammar.isBlank(bytes.byte(at)), bytes.byte(at) != UInt8(ascii: ","),
            bytes.byte(at) != UInt8(ascii: "(")
        { at += 1 }
    }

    /// To the comma that ends the entry: those within comments do not.
    private mutating func skipRest(_ bytes: RawSpan) {
        var depth = 0
        while at < end {
            switch bytes.byte(at) {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth = max(depth - 1, 0)
            case UInt8(ascii: "\\") where depth > 0: at += 1
            case UInt8(ascii: ",") where depth == 0: return
            default: break
            }
            at += 1
        }
        at = min(at, end)
    }
}
