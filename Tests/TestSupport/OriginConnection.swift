/// One connection as an origin's script handles it. Used by the script's thread.
package final class OriginConnection {
    /// 0 for the first that was accepted.
    package let number: Int
    package let socket: StreamSocket
    private let record: EventSource<OriginRecord>
    private let reader: MessageReader

    init(_ number: Int, _ socket: StreamSocket, _ record: EventSource<OriginRecord>) {
        self.number = number
        self.socket = socket
        self.record = record
        // An origin waits as long as its proxy does; it ends with the test.
        reader = MessageReader(socket, timeout: -1)
    }

    // MARK: Requests

    /// Records the head as soon as it was received. Nil if the connection has ended.
    package func readHead() throws -> PendingRequest? {
        do {
            guard let head = try reader.readHead() else {
                ended(.fin)
                return nil
            }
            let request = ReceivedRequest(connection: number, head: head)
            let index = record.change { record in
                record.connections[number].requestCount += 1
                record.requests.append(request)
                return record.requests.count - 1
            }
            return PendingRequest(index: index, request: request)
        } catch let error as IncompleteMessage {
            ended(error.ending)
            throw error
        }
    }

    /// Reads the body as it is framed, and records it with the request.
    @discardableResult
    package func readBody(of pending: PendingRequest) throws -> ReceivedRequest {
        var request = pending.request
        do {
            if !request.head["Transfer-Encoding"].isEmpty {
                (request.body, request.trailers) = try reader.readChunked()
            } else if let length = request.head["Content-Length"].first.flatMap({ Int($0) }) {
                request.body = try reader.read(length)
            }
        } catch let error as IncompleteMessage {
            ended(error.ending)
            throw error
        }
        request.isComplete = true
        let complete = request
        record.change { $0.requests[pending.index] = complete }
        return request
    }

    /// Reads a whole request, and sends 100 Continue if it expects that.
    package func readRequest() throws -> ReceivedRequest? {
        guard let pending = try readHead() else { return nil }
        if !pending.request.head["Expect"].isEmpty { send("HTTP/1.1 100 Continue\r\n\r\n") }
        return try readBody(of: pending)
    }

    package func read(_ count: Int) throws -> [UInt8] {
        do {
            return try reader.read(count)
        } catch let error as IncompleteMessage {
            ended(error.ending)
            throw error
        }
    }

    package func readToEnd() throws -> [UInt8] {
        let (bytes, ending) = try reader.readToEnd()
        ended(ending)
        return bytes
    }

    /// Whether everything received so far was read. More may still arrive.
    package var hasNothingToRead: Bool {
        reader.buffered.isEmpty && StreamSocket.firstReadable([socket], within: 0) == nil
    }

    // MARK: Answers

    /// With Nagle's algorithm from now on.
    package func delaySmallSegments() { socket.delaySmallSegments() }

    package func send(_ text: String) {
        send(Array(text.utf8))
    }

    /// Bytes that a closed peer does not take are dropped.
    package func send(_ bytes: [UInt8]) {
        _ = try? socket.send(bytes)
    }

    /// With Content-Length. `fields` are whole lines without their ends.
    package func respond(_ status: String = "200 OK", _ fields: [String] = [], body: String = "hello") {
        let lines = fields.map { $0 + "\r\n" }.joined()
        send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(lines)\r\n\(body)")
    }

    package func finishSending(unannounced: Bool = false) {
        socket.finishSending(unannounced: unannounced)
    }

    package func reset() {
        socket.reset()
    }

    private func ended(_ ending: Ending) {
        record.change { $0.connections[number].ending = ending }
    }
}

/// A request whose body has not been read. Value.
package struct PendingRequest: Sendable {
    fileprivate let index: Int
    package let request: ReceivedRequest
}

extension FakeOrigin {
    /// Answers every request with 200 and a body, and keeps its connections for ever.
    package static func answering(_ body: String = "hello", fields: [String] = []) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.method == "HEAD" {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                } else {
                    connection.respond(fields, body: body)
                }
            }
        }
    }

    /// Sends these bytes in answer to every request.
    package static func sending(_ bytes: String, closing: Bool = false) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send(bytes)
                if closing { return }
            }
        }
    }
}

extension OriginConnection {
    package func respond(_ fields: [String], body: String) {
        respond("200 OK", fields, body: body)
    }
}
