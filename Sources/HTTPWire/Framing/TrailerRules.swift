/// What the trailer section of a message may hold, and what becomes of a field that must not be there (RFC 9110 6.5.1).
/// Value.
package struct TrailerRules: Sendable {
    package enum Forbidden: UInt8, BitwiseCopyable, Sendable {
        /// The message is malformed: what a client sends is never repaired.
        case refused
        /// The field is not passed on; the content before it is as good as ever.
        case dropped
    }

    /// What the message's Connection fields name, as `FieldTable.nominated` gives it.
    let nominated: [UInt8]
    let maxBytes: UInt32
    let forbidden: Forbidden

    package init(maxBytes: Int, forbidden: Forbidden = .refused, nominated: [UInt8] = []) {
        self.nominated = nominated
        self.maxBytes = UInt32(clamping: maxBytes)
        self.forbidden = forbidden
    }

    /// A recipient that merged such a field into the head would read another message.
    func forbids(_ bytes: RawSpan, _ name: Range<Int>) -> Bool {
        switch FieldID.recognise(bytes, name) {
        case .contentLength, .transferEncoding, .host, .connection, .keepAlive, .proxyConnection, .te, .trailer,
            .upgrade, .proxyAuthorization, .proxyAuthenticate, .proxyAuthenticationInfo, .authorization,
            .wwwAuthenticate, .expect, .maxForwards:
            true
        case .other, .via, .date, .server, .proxySupport, .origin, .secFetchSite:
            !nominated.isEmpty && isNominated(bytes, name)
        }
    }

    private func isNominated(_ bytes: RawSpan, _ name: Range<Int>) -> Bool {
        let list = nominated.span.bytes
        var elements = ListElements(0..<list.byteCount)
        while let element = elements.next(list) {
            if Grammar.sameIgnoringCase(list, element, bytes, name) { return true }
        }
        return false
    }
}

extension FieldTable {
    /// What the Connection and Proxy-Connection fields of this head say, as one list: it outlives the head, whose
    /// trailers come when its bytes are gone.
    package func nominated(_ bytes: RawSpan) -> [UInt8] {
        var list: [UInt8] = []
        for entry in entries where entry.id == .connection || entry.id == .proxyConnection {
            if !list.isEmpty { list.append(UInt8(ascii: ",")) }
            for at in entry.value { list.append(bytes.byte(at)) }
        }
        return list
    }
}
