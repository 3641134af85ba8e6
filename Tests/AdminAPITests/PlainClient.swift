import Dispatch
import Glibc

/// One connection to the server under test, in bytes. Its calls block threads of their own, never the tests'.
final class PlainClient: @unchecked Sendable {
    // Only ever used by one call at a time, on the queue.
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "client")
    private var input: [UInt8] = []

    struct Failure: Error {
        let what: String
        let code = errno
    }

    struct Answer: Sendable {
        var status = 0
        var fields: [(name: String, value: String)] = []
        var body = ""

        subscript(name: String) -> String? { fields.first { $0.name == name.lowercased() }?.value }
    }

    /// `room`: what the kernel may keep of what is not read.
    init(_ address: String, room: Int32? = nil) throws {
        let isUnix = address.hasPrefix("unix:")
        descriptor = socket(isUnix ? AF_UNIX : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 240, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if var room { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, 4) }
        let result =
            isUnix ? Self.connect(descriptor, path: String(address.dropFirst(5))) : Self.connect(descriptor, address)
        guard result == 0 else {
            defer { close(descriptor) }
            throw Failure(what: "connect")
        }
    }

    deinit { close(descriptor) }

    private static func connect(_ descriptor: Int32, _ address: String) -> Int32 {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = (UInt16(address.split(separator: ":").last ?? "") ?? 0).bigEndian
        target.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func connect(_ descriptor: Int32, path: String) -> Int32 {
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result(catching: work)) }
        }
    }

    func send(_ text: String) async throws {
        try await run { [self] in
            let bytes = Array(text.utf8)
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure(what: "send") }
                sent += count
            }
        }
    }

    func shutOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// False at the end.
    private func fill() throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Failure(what: "receive") }
        input += bytes[..<count]
        return count > 0
    }

    private func line() throws -> String {
        while true {
            if let end = input.firstIndex(of: 0x0A) {
                let line = String(decoding: input[..<end], as: UTF8.self)
                input.removeSubrange(...end)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard try fill() else { throw Failure(what: "end in a line") }
        }
    }

    private func bytes(_ count: Int) throws -> String {
        while input.count < count { guard try fill() else { throw Failure(what: "end in a body") } }
        defer { input.removeFirst(count) }
        return String(decoding: input[..<count], as: UTF8.self)
    }

    func nextLine() async throws -> String { try await run { [self] in try line() } }

    /// Up to the empty line after the head.
    func head() async throws -> Answer { try await run { [self] in try readHead() } }

    private func readHead() throws -> Answer {
        var answer = Answer()
        let first = try line()
        answer.status = Int(first.split(separator: " ")[1]) ?? 0
        while case let line = try line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.fields.append((parts[0].lowercased(), parts[1].drop { $0 == " " }.description))
        }
        return answer
    }

    func answer(toHead: Bool = false) async throws -> Answer {
        try await run { [self] in
            var answer = try readHead()
            if toHead || answer.status == 204 || answer.status == 304 { return answer }
            if let length = answer["content-length"].flatMap({ Int($0) }) { answer.body = try bytes(length) }
            return answer
        }
    }

    /// The data of a chunk; nil for the last.
    func chunk() async throws -> String? {
        try await run { [self] in
            let size = Int(try line(), radix: 16) ?? 0
            let data = try bytes(size)
            _ = try line()
            return size == 0 ? nil : data
        }
    }

    /// Reads and throws away until the server ends the connection.
    func drain() async throws {
        try await run { [self] in while try fill() { input = [] } }
    }

    /// Whether the server ends the connection with nothing more said.
    func isEnded() async throws -> Bool {
        try await run { [self] in
            do {
                return try input.isEmpty && !fill()
            } catch let failure as Failure where failure.code == ECONNRESET {
                return true
            }
        }
    }
}
