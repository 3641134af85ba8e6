/// A request as an origin received it. Value.
package struct ReceivedRequest: Sendable {
    /// The number of the origin's connection, in the order in which they were accepted: 0, 1, …
    package let connection: Int
    package let head: MessageHead
    package var body: [UInt8] = []
    package var trailers: [String] = []
    /// Its body was read to the end.
    package var isComplete = false

    package var method: String { word(0) }
    package var target: String { word(1) }

    private func word(_ index: Int) -> String {
        let words = head.startLine.split(separator: " ", omittingEmptySubsequences: false)
        return index < words.count ? String(words[index]) : ""
    }
}

/// A response as a client received it. Value.
package struct ReceivedResponse: Sendable {
    package enum Framing: Sendable {
        case none, length, chunked, untilClose
    }

    package let head: MessageHead
    package let status: Int
    package let body: [UInt8]
    package let trailers: [String]
    package let framing: Framing

    package var text: String { TestSupport.text(body) }
    package subscript(name: String) -> [String] { head[name] }
    package var isHTTP11: Bool { head.startLine.hasPrefix("HTTP/1.1 ") }
    package var saysClose: Bool { head["Connection"].contains { $0.lowercased() == "close" } }

    /// Reads one response, an interim one too. A body that ends by close must end by FIN: RFC 9112 8.
    package init(readFrom reader: MessageReader, to method: String = "GET") throws {
        guard let head = try reader.readHead() else { throw IncompleteMessage(ending: .fin, received: []) }
        let words = head.startLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "HTTP/1.1" || words[0] == "HTTP/1.0", words[1].utf8.count == 3,
            let status = Int(words[1])
        else { throw MalformedMessage(description: "not a status line: \(head.startLine)") }
        self.head = head
        self.status = status
        let lengths = head["Content-Length"]
        if method == "HEAD" || status < 200 || status == 204 || status == 304 || method == "CONNECT" && status < 300 {
            (body, trailers, framing) = ([], [], .none)
        } else if !head["Transfer-Encoding"].isEmpty {
            guard head["Transfer-Encoding"] == ["chunked"], lengths.isEmpty else {
                throw MalformedMessage(description: "ambiguous framing: \(head.text)")
            }
            (body, trailers) = try reader.readChunked()
            framing = .chunked
        } else if !lengths.isEmpty {
            guard lengths.count == 1, let length = Int(lengths[0]) else {
                throw MalformedMessage(description: "ambiguous length: \(head.text)")
            }
            (body, trailers, framing) = (try reader.read(length), [], .length)
        } else {
            let (bytes, ending) = try reader.readToEnd()
            guard ending == .fin else { throw IncompleteMessage(ending: ending, received: bytes) }
            (body, trailers, framing) = (bytes, [], .untilClose)
        }
    }
}
