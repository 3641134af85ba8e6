/// One Server-Sent Event. Value.
package struct ServerSentEvent: Hashable, Sendable {
    package var id: String?
    package var name: String?
    package var data: String

    package init(id: String? = nil, name: String? = nil, data: String) {
        self.id = id
        self.name = name
        self.data = data
    }
}

/// Splits a `text/event-stream` into events, ignoring comments and unknown fields. Value.
package struct EventParser: Sendable {
    /// connd never sends a longer line.
    static let longestLine = 1 << 20

    private var line: [UInt8] = []
    private var isAfterReturn = false
    private var id: String?
    private var name: String?
    private var data: [String] = []

    package init() {}

    package mutating func feed(_ bytes: some Sequence<UInt8>) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n"), isAfterReturn {
                isAfterReturn = false
                continue
            }
            isAfterReturn = byte == UInt8(ascii: "\r")
            if isAfterReturn || byte == UInt8(ascii: "\n") {
                if let event = endLine() { events.append(event) }
            } else if line.count < Self.longestLine {
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else {
            defer { (name, data) = (nil, []) }
            return data.isEmpty ? nil : ServerSentEvent(id: id, name: name, data: data.joined(separator: "\n"))
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "id": id = text
        case "event": name = text
        case "data": data.append(text)
        default: break
        }
        return nil
    }
}
