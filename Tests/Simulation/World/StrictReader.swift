/// A message's start line and fields as received. Value.
struct WireHead: Sendable {
    var start: String
    var fields: [(name: String, value: String)]

    /// Of the first field with this name, which is given in lower case.
    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    func contains(_ token: String, in name: String) -> Bool {
        fields.contains { field in
            field.name == name
                && field.value.split(separator: ",").contains { Self.trimmed($0).lowercased() == token }
        }
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    var words: [Substring] { start.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false) }
}

/// Reads HTTP/1 messages strictly (RFC 9112), independently of connd's parsers, so that the simulation can judge what
/// is a whole message. Value.
struct StrictReader {
    enum Framing: Equatable {
        case none, length(Int), chunked, untilClose
    }

    enum Event {
        /// `expect` is to be called before the next event is asked for.
        case head(WireHead)
        case body(ArraySlice<UInt8>)
        /// The message is whole.
        case end(trailers: [(name: String, value: String)])
        /// The message is invalid; nothing more is read.
        case fault(String)
    }

    private enum Phase: Equatable {
        case head, unframed, length(Int), chunkSize, chunkData(Int), chunkEnd, trailers, untilClose, whole, raw, broken
    }

    private var phase = Phase.head
    private var unread: [UInt8] = []
    private var start = 0
    private var trailers: [(name: String, value: String)] = []

    mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0 {
            unread.removeFirst(start)
            start = 0
        }
        unread.append(contentsOf: bytes)
    }

    /// Whether nothing of a message was received since the last one ended.
    var isBetweenMessages: Bool { phase == .head && start == unread.count }
    var unreadCount: Int { unread.count - start }
    func peek(_ count: Int) -> ArraySlice<UInt8> { unread[start...].prefix(count) }
    var isRaw: Bool { phase == .raw }
    /// Whether only the end of the connection ends the message.
    var endsByClose: Bool { phase == .untilClose }

    mutating func expect(_ framing: Framing) {
        switch framing {
        case .none, .length(0): phase = .whole
        case .length(let count): phase = .length(count)
        case .chunked: phase = .chunkSize
        case .untilClose: phase = .untilClose
        }
    }

    /// An interim head has no body, and another head follows.
    mutating func expectAnotherHead() { phase = .head }

    /// What follows is not HTTP.
    mutating func becomeRaw() { phase = .raw }

    mutating func takeRaw() -> ArraySlice<UInt8> {
        defer { start = unread.count }
        return unread[start...]
    }

    mutating func next() -> Event? {
        switch phase {
        case .head: return nextHead()
        case .whole:
            phase = .head
            defer { trailers = [] }
            return .end(trailers: trailers)
        case .length(let count): return nextBody(count) { $0 == 0 ? .whole : .length($0) }
        case .chunkData(let count): return nextBody(count) { $0 == 0 ? .chunkEnd : .chunkData($0) }
        case .untilClose: return nextBody(.max) { _ in .untilClose }
        case .chunkSize: return nextChunk()
        case .chunkEnd:
            guard let line = takeLine() else { return lineFault() }
            guard line.isEmpty else { return fault("a chunk does not end where it should") }
            phase = .chunkSize
            return next()
        case .trailers: return nextTrailer()
        case .unframed, .raw, .broken: return nil
        }
    }

    private mutating func nextBody(_ count: Int, _ after: (Int) -> Phase) -> Event? {
        let taken = min(count, unread.count - start)
        guard taken > 0 else { return nil }
        let bytes = unread[start..<(start + taken)]
        start += taken
        phase = after(count - taken)
        return .body(bytes)
    }

    private mutating func nextChunk() -> Event? {
        guard let line = takeLine() else { return lineFault() }
        let digits = line.prefix { $0 != UInt8(ascii: ";") }
        guard !digits.isEmpty, digits.count < 9, let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else {
            return fault("no chunk size: \(String(decoding: line, as: UTF8.self))")
        }
        phase = size == 0 ? .trailers : .chunkData(size)
        return next()
    }

    private mutating func nextTrailer() -> Event? {
        guard let line = takeLine() else { return lineFault() }
        guard !line.isEmpty else {
            phase = .whole
            return next()
        }
        guard let field = Self.field(line) else { return fault("a malformed trailer") }
        trailers.append(field)
        return next()
    }

    private mutating func nextHead() -> Event? {
        guard let end = endOfHead() else { return unread.count - start > 1 << 17 ? fault("a head without end") : nil }
        var lines = unread[start..<(end - 4)].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        start = end
        let first = String(decoding: lines.removeFirst(), as: UTF8.self)
        var head = WireHead(start: first, fields: [])
        for line in lines {
            guard let field = Self.field(line) else {
                return fault("a malformed field: \(String(decoding: line, as: UTF8.self))")
            }
            head.fields.append(field)
        }
        phase = .unframed
        return .head(head)
    }

    private static func field(_ line: ArraySlice<UInt8>) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { return nil }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        guard !name.contains(" ") else { return nil }
        return (name, WireHead.trimmed(String(decoding: line[(colon + 1)...], as: UTF8.self)))
    }

    private func endOfHead() -> Int? {
        var index = start + 3
        while index < unread.count {
            let byte = unread[index]
            if byte == 10 {
                if unread[index - 1] == 13, unread[index - 2] == 10, unread[index - 3] == 13 { return index + 1 }
                index += 1
            } else {
                index += byte == 13 ? 1 : 4
            }
        }
        return nil
    }

    private mutating func takeLine() -> ArraySlice<UInt8>? {
        guard let end = unread[start...].firstIndex(of: 10) else { return nil }
        guard end > start, unread[end - 1] == 13 else { return nil }
        defer { start = end + 1 }
        return unread[start..<(end - 1)]
    }

    private mutating func lineFault() -> Event? {
        if unread[start...].firstIndex(of: 10) != nil { return fault("a line that ends without CR") }
        return unread.count - start > 8192 ? fault("a line without end") : nil
    }

    private mutating func fault(_ text: String) -> Event {
        phase = .broken
        return .fault(text)
    }
}
