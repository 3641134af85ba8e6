import Foundation

/// A client that sends exactly the bytes it is told to and reads strictly what comes back. Used by one thread.
package final class ScriptedClient {
    package let socket: StreamSocket
    private let reader: MessageReader

    package init(_ socket: StreamSocket) {
        self.socket = socket
        reader = MessageReader(socket)
    }

    package convenience init(port: UInt16, address: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws {
        self.init(try StreamSocket.connect(port: port, address: address, receiveBuffer: receiveBuffer))
    }

    package convenience init(unix path: String) throws {
        self.init(try StreamSocket.connect(unix: path))
    }

    package convenience init(_ proxy: RunningProxy, receiveBuffer: Int32? = nil) throws {
        try self.init(port: proxy.port, receiveBuffer: receiveBuffer)
    }

    package func send(_ bytes: [UInt8]) throws {
        guard try socket.send(bytes) else { throw TestFailure("the connection was closed while the client sent") }
    }

    package func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// `fields` are whole lines without their ends. A body brings its Content-Length.
    package func send(
        _ method: String, _ target: String, _ fields: [String] = [], body: String? = nil, version: String = "1.1"
    ) throws {
        var head = "\(method) \(target) HTTP/\(version)\r\nHost: \(Self.authority(target))\r\n"
        for field in fields { head += field + "\r\n" }
        if let body { head += "Content-Length: \(body.utf8.count)\r\n" }
        try send(head + "\r\n" + (body ?? ""))
    }

    package func finishSending() {
        socket.finishSending()
    }

    package func response(to method: String = "GET") throws -> ReceivedResponse {
        try ReceivedResponse(readFrom: reader, to: method)
    }

    package func get(_ target: String, _ fields: [String] = []) throws -> ReceivedResponse {
        try send("GET", target, fields)
        return try response()
    }

    package func read(_ count: Int) throws -> [UInt8] {
        try reader.read(count)
    }

    package func readToEnd() throws -> (bytes: [UInt8], ending: Ending) {
        try reader.readToEnd()
    }

    /// Like `readToEnd`, but only counts the bytes.
    package func readToEndCounting() throws -> (count: Int, ending: Ending) {
        var count = try reader.read(reader.buffered.count).count
        while true {
            switch try socket.receive(upTo: 1 << 18) {
            case .bytes(let bytes): count += bytes.count
            case .end(let ending): return (count, ending)
            }
        }
    }

    /// How the connection ended. Throws if a byte came before the end.
    package func end() throws -> Ending {
        let (bytes, ending) = try reader.readToEnd()
        guard bytes.isEmpty else { throw TestFailure("bytes came where the end was due: \(text(bytes))") }
        return ending
    }

    /// Whether everything received so far was read. More may still arrive.
    package func hasNothingToRead() throws -> Bool {
        guard reader.buffered.isEmpty else { return false }
        return StreamSocket.firstReadable([socket], within: 0) == nil
    }

    package func close() {
        socket.close()
    }

    private static func authority(_ target: String) -> String {
        guard let start = target.range(of: "://")?.upperBound else { return target }
        return String(target[start...].prefix { $0 != "/" && $0 != "?" })
    }
}
