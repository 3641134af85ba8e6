/// What the Connection fields say (RFC 9110 7.6.1). `others`: they name fields that must be removed.
package struct ConnectionOptions: OptionSet, BitwiseCopyable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let close = ConnectionOptions(rawValue: 1)
    package static let keepAlive = ConnectionOptions(rawValue: 2)
    package static let upgrade = ConnectionOptions(rawValue: 4)
    package static let te = ConnectionOptions(rawValue: 8)
    package static let others = ConnectionOptions(rawValue: 16)
}

/// Which lines of a head are not sent on, and what the framing and connection fields of it say together: one pass over
/// the table for requests and one for responses. It writes nothing. Value.
struct HopByHop {
    var options: ConnectionOptions = []
    /// Of Proxy-Connection alone, for responses: there it never makes a connection persistent.
    var proxyOptions: ConnectionOptions = []
    var contentLength = ContentLengthFact.absent
    var transferCoding = TransferCodingFact.absent
    private(set) var canonicalLength = false
    private(set) var canonicalChunked = false
    private var optionCount = 0
    private let isRequest: Bool

    init(isRequest: Bool) {
        self.isRequest = isRequest
    }

    /// True when the line was one of those that mean the same both ways.
    @inline(__always)
    mutating func note(_ index: Int, _ fields: inout FieldTable, _ bytes: RawSpan) throws(WireError) -> Bool {
        let entry = fields[index]
        switch entry.id {
        case .other, .date, .server, .origin, .secFetchSite: return true
        case .connection:
            fields.drop(index)
            options.formUnion(try read(bytes, entry.value))
        case .proxyConnection:
            fields.drop(index)
            proxyOptions.formUnion(try read(bytes, entry.value))
        case .keepAlive, .te, .upgrade, .proxyAuthorization, .proxyAuthenticate, .proxyAuthenticationInfo:
            fields.drop(index)
            return false
        case .contentLength:
            noteContentLength(entry, index, &fields, bytes)
        case .transferEncoding:
            noteTransferEncoding(entry, index, &fields, bytes)
        case .trailer, .host, .expect, .via, .maxForwards, .authorization, .wwwAuthenticate, .proxySupport: return false
        }
        return true
    }

    private mutating func noteContentLength(
        _ entry: FieldTable.Entry, _ index: Int, _ fields: inout FieldTable, _ bytes: RawSpan
    ) {
        let isRepeat = contentLength != .absent
        contentLength.add(bytes, entry.value)
        let isPlain = Grammar.decimal(bytes, entry.value) != nil
        let leadingZero = entry.value.count > 1 && bytes.byte(entry.value.lowerBound) == UInt8(ascii: "0")
        if isRepeat {
            fields.drop(index)
        } else if !isPlain || leadingZero || !isTight(entry, bytes) {
            fields.drop(index)
            canonicalLength = true
        }
    }

    private mutating func noteTransferEncoding(
        _ entry: FieldTable.Entry, _ index: Int, _ fields: inout FieldTable, _ bytes: RawSpan
    ) {
        transferCoding.add(bytes, entry.value)
        if !isTight(entry, bytes) {
            fields.drop(index)
            canonicalChunked = true
        }
    }

    /// At most one space before the value and nothing after it: what every recipient reads the same way.
    private func isTight(_ entry: FieldTable.Entry, _ bytes: RawSpan) -> Bool {
        let gap = entry.valueStart - entry.nameEnd
        return entry.lineEnd - entry.valueEnd == 2
            && (gap == 1 || (gap == 2 && bytes.byte(Int(entry.nameEnd) + 1) == Grammar.space))
    }

    private mutating func read(_ bytes: RawSpan, _ value: Range<Int>) throws(WireError) -> ConnectionOptions {
        var found: ConnectionOptions = []
        var elements = ListElements(value)
        while let element = elements.next(bytes) {
            if element.isEmpty { continue }
            optionCount += 1
            guard optionCount <= HeadLimits.maxConnectionOptions else { throw .badConnection }
            guard Grammar.isTokenOnly(bytes, element) else {
                if isRequest { throw .badConnection }
                // Some origins write parameters there. Their connection is not used again, which is always safe.
                found.insert(.close)
                continue
            }
            switch FieldID.recognise(bytes, element) {
            case .keepAlive: found.insert(.keepAlive)
            case .upgrade: found.insert(.upgrade)
            case .te: found.insert(.te)
            case .other where Self.isClose(bytes, element): found.insert(.close)
            default: found.insert(.others)
            }
        }
        return found
    }

    private static func isClose(_ bytes: RawSpan, _ element: Range<Int>) -> Bool {
        element.count == 5 && Grammar.lowerWord(bytes, element.lowerBound, 5) == 0x0000_0065_736F_6C63
    }

    /// Drops the fields that Connection and Proxy-Connection name. What frames or routes the message cannot be removed
    /// that way: the rest of the chain would then see another message than this proxy does.
    func dropNominated(_ fields: inout FieldTable, _ bytes: RawSpan) throws(WireError) {
        guard options.union(proxyOptions).contains(.others) else { return }
        for index in 0..<fields.count where fields[index].id == .connection || fields[index].id == .proxyConnection {
            var elements = ListElements(fields[index].value)
            while let element = elements.next(bytes) {
                if element.isEmpty { continue }
                switch FieldID.recognise(bytes, element) {
                case .contentLength, .host, .via, .maxForwards: throw .nominatedFraming
                // Some origins name it, as RFC 2616 14.10 asked; it is hop-by-hop by itself, and this proxy obeys it.
                case .transferEncoding: if isRequest { throw .nominatedFraming }
                case .connection, .proxyConnection, .keepAlive, .te, .upgrade: break
                case let id: drop(element, id, &fields, bytes)
                }
            }
        }
    }

    private func drop(_ name: Range<Int>, _ id: FieldID, _ fields: inout FieldTable, _ bytes: RawSpan) {
        guard fields.contains(id) else { return }
        for index in 0..<fields.count
        where fields[index].id == id && Grammar.sameIgnoringCase(bytes, fields[index].name, bytes, name) {
            fields.drop(index)
        }
    }
}
