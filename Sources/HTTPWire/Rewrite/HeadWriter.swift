import ProxyTypes

/// What the client of a response must be told, and can read. Value.
package struct ResponseShape: Equatable, BitwiseCopyable, Sendable {
    package var clientVersion: HTTPVersion
    /// The client's connection is kept after this response.
    package var persists: Bool
    /// Told to an HTTP/1.0 client whose connection is kept.
    package var keepAliveTimeout: Int
    package var keepAliveMax: Int
    /// The body is decoded for a client that knows no chunks.
    package var dechunk: Bool
    /// A 101 whose Upgrade field is passed on.
    package var passUpgrade: Bool

    package init(
        clientVersion: HTTPVersion = .http11, persists: Bool = true, keepAliveTimeout: Int = 0, keepAliveMax: Int = 0,
        dechunk: Bool = false, passUpgrade: Bool = false
    ) {
        self.clientVersion = clientVersion
        self.persists = persists
        self.keepAliveTimeout = keepAliveTimeout
        self.keepAliveMax = keepAliveMax
        self.dechunk = dechunk
        self.passUpgrade = passUpgrade
    }
}

/// Writes the head that is sent on, in one pass over the field table: kept lines byte for byte and in order, runs of
/// them with one copy. It decides nothing but what the connection fields of the next hop say.
package enum HeadWriter {
    /// More than all that is ever added to what the head held, but for Via and the authority.
    private static let added = 395

    /// Never less than `writeRequest` writes.
    package static func requestSize(_ head: borrowing RequestHead, authorityLength: Int, viaLength: Int) -> Int {
        // With CONNECT the authority is the target too.
        head.length + 2 * authorityLength + viaLength + added
    }

    /// Never less than `writeResponse` writes.
    package static func responseSize(
        _ head: borrowing ResponseHead, viaLength: Int, edits: Int = 0, baseLength: Int = 0
    ) -> Int {
        // Of each edit at most the base and a slash are added.
        head.length + viaLength + added + edits * (baseLength + 1)
    }

    /// In the origin form (CONNECT: authority form), with `authority` as Host (RFC 9112 3.2.2). That is the origin's in
    /// its canonical form, whatever the client wrote: an origin is told one name, however its clients spell it, since all
    /// of them share its connections, and what it answers must not depend on who spelt it how. `bytes` are those the
    /// head was parsed from. Returns the bytes written.
    package static func writeRequest(
        _ head: borrowing RequestHead, _ bytes: RawSpan, authority: RawSpan, via: RawSpan,
        into out: UnsafeMutableRawBufferPointer
    ) -> Int {
        let size = requestSize(head, authorityLength: authority.byteCount, viaLength: via.byteCount)
        guard let target = out.baseAddress, out.count >= size, head.length <= bytes.byteCount else {
            Invariant.broken("a request head is written into too little room, or from other bytes")
            return 0
        }
        return bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return 0 }
            var writer = ByteWriter(target, source: base)
            writer.append(head.methodRange)
            writer.append(" ")
            appendTarget(head, bytes, authority, &writer)
            writer.append(" HTTP/1.1\r\nHost: ")
            authority.withUnsafeBytes { writer.append($0) }
            writer.append("\r\n")
            appendKeptLines(head.fields, keeping: head.upgrade ? .upgrade : nil, &writer)
            appendFraming(length: head.canonicalLength, chunked: head.canonicalChunked, &writer)
            if let forwards = head.maxForwards {
                writer.append("Max-Forwards: ")
                writer.append(decimal: UInt64(max(forwards - 1, 0)))
                writer.append("\r\n")
            }
            appendVia(via, &writer)
            switch (head.upgrade, head.acceptsTrailers) {
            case (true, true): writer.append("Connection: upgrade, TE\r\nTE: trailers\r\n\r\n")
            case (true, false): writer.append("Connection: upgrade\r\n\r\n")
            case (false, true): writer.append("Connection: TE\r\nTE: trailers\r\n\r\n")
            case (false, false): writer.append("\r\n")
            }
            return writer.count
        }
    }

    /// As HTTP/1.1, whatever the origin spoke. `bytes` are those the head was parsed from. `edits` were found in it by
    /// a `ResponseRewrite` with this `base`. Returns the bytes written.
    package static func writeResponse(
        _ head: borrowing ResponseHead, _ bytes: RawSpan, via: RawSpan, to client: ResponseShape,
        edits: [HeadEdit] = [], base gateway: [UInt8] = [], into out: UnsafeMutableRawBufferPointer
    ) -> Int {
        let size = responseSize(head, viaLength: via.byteCount, edits: edits.count, baseLength: gateway.count)
        guard let target = out.baseAddress, out.count >= size, head.length <= bytes.byteCount else {
            Invariant.broken("a response head is written into too little room, or from other bytes")
            return 0
        }
        return bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return 0 }
            var writer = ByteWriter(target, source: base)
            writer.append("HTTP/1.1 ")
            writer.append(decimal: UInt64(head.status))
            writer.append(" ")
            writer.append(head.reason)
            writer.append("\r\n")
            if !edits.isEmpty {
                appendEditedLines(head.fields, edits, gateway, client, &writer)
            } else if client.dechunk {
                appendDechunkedLines(head.fields, &writer)
            } else {
                appendKeptLines(head.fields, keeping: client.passUpgrade ? .upgrade : nil, &writer)
            }
            appendFraming(length: head.canonicalLength, chunked: head.canonicalChunked && !client.dechunk, &writer)
            appendVia(via, &writer)
            // RFC 4559 6: the client may only log in through a proxy that keeps the connection for it.
            if head.bindsConnection, head.status == 401, !head.fields.passes(.proxySupport) {
                writer.append("Proxy-Support: Session-Based-Authentication\r\n")
            }
            appendConnection(head, client, &writer)
            writer.append("\r\n")
            return writer.count
        }
    }

    @inline(__always)
    private static func appendTarget(
        _ head: borrowing RequestHead, _ bytes: RawSpan, _ authority: RawSpan, _ writer: inout ByteWriter
    ) {
        if head.form == .authority {
            authority.withUnsafeBytes { writer.append($0) }
        } else if head.pathAndQuery.isEmpty {
            // RFC 9112 3.2.4: OPTIONS on a target without a path is about the server as a whole.
            writer.append(head.method == .options ? "*" : "/")
        } else {
            if bytes.byte(head.pathAndQuery.lowerBound) == UInt8(ascii: "?") { writer.append("/") }
            writer.append(head.pathAndQuery)
        }
    }

    @inline(__always)
    private static func appendKeptLines(
        _ fields: borrowing FieldTable, keeping exception: FieldID?, _ writer: inout ByteWriter
    ) {
        var run = 0..<0
        for index in 0..<fields.count {
            let entry = fields[index]
            if entry.dropped, entry.id != exception { continue }
            extend(&run, with: entry.line, &writer)
        }
        writer.append(run)
    }

    private static func appendDechunkedLines(_ fields: borrowing FieldTable, _ writer: inout ByteWriter) {
        var run = 0..<0
        for index in 0..<fields.count where !isDroppedWithChunks(fields[index]) {
            extend(&run, with: fields[index].line, &writer)
        }
        writer.append(run)
    }

    private static func isDroppedWithChunks(_ entry: FieldTable.Entry) -> Bool {
        entry.dropped || entry.id == .transferEncoding || entry.id == .trailer
    }

    private static func appendEditedLines(
        _ fields: borrowing FieldTable, _ edits: [HeadEdit], _ base: [UInt8], _ client: ResponseShape,
        _ writer: inout ByteWriter
    ) {
        var run = 0..<0
        var rest = edits[...]
        for index in 0..<fields.count {
            let entry = fields[index]
            let isUpgrade = client.passUpgrade && entry.id == .upgrade
            if client.dechunk ? isDroppedWithChunks(entry) : entry.dropped && !isUpgrade { continue }
            var line = entry.line
            while let edit = rest.first, edit.range.upperBound <= line.upperBound {
                rest.removeFirst()
                extend(&run, with: line.lowerBound..<edit.range.lowerBound, &writer)
                writer.append(run)
                switch edit.replacement {
                case .nothing: break
                case .base: base.withUnsafeBytes { writer.append($0) }
                case .baseAndSlash:
                    base.withUnsafeBytes { writer.append($0) }
                    writer.append("/")
                }
                line = edit.range.upperBound..<line.upperBound
                run = line.lowerBound..<line.lowerBound
            }
            extend(&run, with: line, &writer)
        }
        writer.append(run)
    }

    @inline(__always)
    private static func extend(_ run: inout Range<Int>, with line: Range<Int>, _ writer: inout ByteWriter) {
        if line.lowerBound == run.upperBound {
            run = run.lowerBound..<line.upperBound
        } else {
            writer.append(run)
            run = line
        }
    }

    @inline(__always)
    private static func appendFraming(length: UInt64?, chunked: Bool, _ writer: inout ByteWriter) {
        if let length {
            writer.append("Content-Length: ")
            writer.append(decimal: length)
            writer.append("\r\n")
        }
        if chunked { writer.append("Transfer-Encoding: chunked\r\n") }
    }

    @inline(__always)
    private static func appendVia(_ via: RawSpan, _ writer: inout ByteWriter) {
        writer.append("Via: ")
        via.withUnsafeBytes { writer.append($0) }
        writer.append("\r\n")
    }

    @inline(__always)
    private static func appendConnection(
        _ head: borrowing ResponseHead, _ client: ResponseShape, _ writer: inout ByteWriter
    ) {
        // An interim response is not the end of anything.
        if head.isInformational { return }
        if client.passUpgrade {
            writer.append("Connection: upgrade\r\n")
            return
        }
        switch (client.clientVersion, client.persists) {
        case (.http11, true): break
        case (_, false): writer.append("Connection: close\r\n")
        case (.http10, true):
            writer.append("Connection: keep-alive\r\nKeep-Alive: timeout=")
            writer.append(decimal: UInt64(max(client.keepAliveTimeout, 0)))
            writer.append(", max=")
            writer.append(decimal: UInt64(max(client.keepAliveMax, 0)))
            writer.append("\r\n")
        }
    }
}
