import AdminClient
import AdminModels
import Foundation
import Glibc
import Synchronization

/// Answers HTTP requests on a socket of its own as a closure says, one thread a connection. Shared.
final class FakeDaemon: Sendable {
    struct Request: Sendable {
        var method = ""
        /// As it came, percent-encoded.
        var target = ""
        var fields: [String: String] = [:]
        var body = ""

        var path: String { String(target.prefix { $0 != "?" }) }
        var query: String { String(target.drop { $0 != "?" }.dropFirst()) }
    }

    struct Answer: Sendable {
        var status = 200
        var type = "application/json"
        var fields: [(String, String)] = []
        var body = ""
        /// Keeps the connection open after the body, whose end is then not told.
        var staysOpen = false
        /// Sent as it is in place of a response; then the connection is closed.
        var raw: String?

        static func json(_ content: some Encodable, etag: String? = nil) -> Answer {
            let bytes = (try? APIJSON.encode(content)) ?? []
            return Answer(
                fields: etag.map { [("ETag", $0)] } ?? [], body: String(decoding: bytes, as: UTF8.self) + "\n")
        }

        static func problem(_ status: Int, _ detail: String, _ errors: [FieldProblem]? = nil) -> Answer {
            var problem = Problem()
            problem.status = status
            problem.title = "Title"
            problem.detail = detail
            problem.errors = errors
            var answer = json(problem)
            answer.status = status
            answer.type = "application/problem+json"
            return answer
        }

        static let empty = Answer(status: 204)
    }

    typealias Handler = @Sendable (Request) -> Answer

    let address: AdminAddress
    private let listener: Int32
    private let handler: Handler
    private let state = Mutex((requests: [Request](), open: Set<Int32>(), isStopped: false))

    init(unix path: String? = nil, _ handler: @escaping Handler) throws {
        self.handler = handler
        listener = socket(path == nil ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if let path {
            var place = sockaddr_un()
            place.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            try Self.bind(listener, &place)
            address = AdminAddress(endpoint: .unix(path: path))
        } else {
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
            try Self.bind(listener, &place)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let descriptor = listener
            withUnsafeMutablePointer(to: &place) { pointer in
                _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
            }
            let port = Int(UInt16(bigEndian: place.sin_port))
            address = AdminAddress(endpoint: .tcp(scheme: "http", host: "127.0.0.1", port: port))
        }
        guard listen(listener, 64) == 0 else { throw POSIXError(.EADDRINUSE) }
        Thread.detachNewThread { [self] in accept() }
    }

    deinit {
        close(listener)
    }

    var requests: [Request] { state.withLock { $0.requests } }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        state.withLock { state in
            state.isStopped = true
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private static func bind<Place>(_ descriptor: Int32, _ place: inout Place) throws {
        let result = withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Place>.size))
            }
        }
        guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { return }
            let isStopped = state.withLock { state in
                state.open.insert(descriptor)
                return state.isStopped
            }
            if isStopped { return end(descriptor) }
            Thread.detachNewThread { [self] in serve(descriptor) }
        }
    }

    private func serve(_ descriptor: Int32) {
        defer { end(descriptor) }
        var bytes: [UInt8] = []
        while let request = Self.next(descriptor, &bytes) {
            state.withLock { $0.requests.append(request) }
            let answer = handler(request)
            var head = "HTTP/1.1 \(answer.status) X\r\nContent-Type: \(answer.type)\r\n"
            for (name, value) in answer.fields { head += "\(name): \(value)\r\n" }
            if let raw = answer.raw {
                _ = send(descriptor, raw, raw.utf8.count, Int32(MSG_NOSIGNAL))
                return
            }
            if !answer.staysOpen, answer.status != 204 { head += "Content-Length: \(answer.body.utf8.count)\r\n" }
            let text = Array((head + "\r\n" + answer.body).utf8)
            guard send(descriptor, text, text.count, Int32(MSG_NOSIGNAL)) == text.count else { return }
            if answer.staysOpen {
                var byte: UInt8 = 0
                _ = recv(descriptor, &byte, 1, 0)
                return
            }
        }
    }

    private func end(_ descriptor: Int32) {
        state.withLock { _ = $0.open.remove(descriptor) }
        close(descriptor)
    }

    private static func next(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Request? {
        while true {
            if let (request, length) = parse(bytes) {
                bytes.removeFirst(length)
                return request
            }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    private static func parse(_ bytes: [UInt8]) -> (Request, Int)? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        var request = Request(method: String(words[0]), target: String(words[1]))
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            request.fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let length = request.fields["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count - end.upperBound >= length else { return nil }
        request.body = String(decoding: bytes[end.upperBound..<(end.upperBound + length)], as: UTF8.self)
        return (request, end.upperBound + length)
    }
}
