/// A message that ended before it was complete.
package struct IncompleteMessage: Error, CustomStringConvertible {
    package let ending: Ending
    /// The part that was received.
    package let received: [UInt8]

    package var description: String {
        "the connection ended (\(ending)) within a message, after \(received.count) bytes: "
            + text(received.suffix(2000))
    }
}

/// A message that no strict reader accepts.
package struct MalformedMessage: Error, CustomStringConvertible {
    package let description: String
}

/// The head of a message, exactly as received. Value.
package struct MessageHead: Sendable {
    package let bytes: [UInt8]
    package let startLine: String
    package let fields: [(name: String, value: String)]

    /// Throws for anything but lines `name: value` that end in CRLF.
    package init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        guard bytes.count >= 4, bytes.suffix(4).elementsEqual([13, 10, 13, 10]) else {
            throw MalformedMessage(description: "a head without its empty line")
        }
        var lines = TestSupport.text(bytes.dropLast(4)).split(separator: "\r\n", omittingEmptySubsequences: false)
        startLine = String(lines.removeFirst())
        fields = try lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(where: { $0 == " " || $0 == "\t" }),
                !line.contains("\n")
            else { throw MalformedMessage(description: "not a field line: \(line)") }
            return (String(parts[0]), String(parts[1].trimmingBlanks))
        }
    }

    package var text: String { TestSupport.text(bytes[...]) }

    /// All values of a field, in order.
    package subscript(name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}

package func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
package func text(_ bytes: [UInt8]) -> String { text(bytes[...]) }

/// Reads messages from a socket, and throws for anything that is not exactly HTTP/1.1 framing. Used by one thread.
package final class MessageReader {
    private let socket: StreamSocket
    /// What was received after the last message.
    package private(set) var buffered: [UInt8] = []
    private let timeout: Int

    package init(_ socket: StreamSocket, timeout: Int = TestTimeout.milliseconds) {
        self.socket = socket
        self.timeout = timeout
    }

    /// Nil if the connection ended with a FIN before a head began.
    package func readHead() throws -> MessageHead? {
        var searched = 0
        while true {
            if let end = Self.emptyLine(in: buffered, from: max(searched - 3, 0)) { return try MessageHead(take(end)) }
            searched = buffered.count
            if let ending = try fill() {
                if buffered.isEmpty, ending == .fin { return nil }
                throw IncompleteMessage(ending: ending, received: buffered)
            }
        }
    }

    package func read(_ count: Int) throws -> [UInt8] {
        while buffered.count < count {
            if let ending = try fill() { throw IncompleteMessage(ending: ending, received: buffered) }
        }
        return take(count)
    }

    package func readToEnd() throws -> (bytes: [UInt8], ending: Ending) {
        while true {
            if let ending = try fill() { return (take(buffered.count), ending) }
        }
    }

    package func readChunked() throws -> (body: [UInt8], trailers: [String]) {
        var body: [UInt8] = []
        do {
            while true {
                let line = try readLine()
                let digits = line.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)[0]
                guard let size = Int(digits, radix: 16), !digits.hasPrefix("+"), !digits.hasPrefix("-") else {
                    throw MalformedMessage(description: "not a chunk size: \(line)")
                }
                if size == 0 { break }
                body += try read(size)
                guard try read(2) == [13, 10] else { throw MalformedMessage(description: "a chunk without its CRLF") }
            }
            var trailers: [String] = []
            while true {
                let line = try readLine()
                if line.isEmpty { return (body, trailers) }
                trailers.append(line)
            }
        } catch let error as IncompleteMessage {
            throw IncompleteMessage(ending: error.ending, received: body + error.received)
        }
    }

    /// Nil if something was received, else how the connection ended.
    private func fill() throws -> Ending? {
        switch try socket.receive(within: timeout) {
        case .bytes(let bytes):
            buffered += bytes
            return nil
        case .end(let ending): return ending
        }
    }

    private func readLine() throws -> String {
        while true {
            if let end = buffered.firstIndex(of: 10) {
                let line = take(end + 1)
                guard line.count >= 2, line[line.count - 2] == 13 else {
                    throw MalformedMessage(description: "a line that ends in a bare LF")
                }
                return text(line.dropLast(2))
            }
            if let ending = try fill() { throw IncompleteMessage(ending: ending, received: buffered) }
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { buffered.removeFirst(count) }
        return Array(buffered[..<count])
    }

    private static func emptyLine(in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in start...max(start, bytes.count - 4) where index + 4 <= bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
        }
        return nil
    }
}
