import Foundation
import Glibc
import Synchronization

/// A DNS server on a free port of loopback, over UDP and TCP, that answers as a test says. Shared.
package final class NameServer: Sendable {
    /// How a name is answered. Value.
    package struct Entry: Sendable {
        package enum Manner: Sendable {
            case answered, noSuchName, failing, silent
            /// No answer to questions for one type of record: 1 or 28.
            case silentFor(UInt16)
            /// Cut over UDP, whole over TCP.
            case truncated
            /// With the addresses under another name.
            case lying
        }

        package var ipv4: [String] = []
        package var ipv6: [String] = []
        package var alias: String?
        package var ttl: UInt32 = 60
        package var manner = Manner.answered

        package init(
            _ ipv4: [String] = [], ipv6: [String] = [], alias: String? = nil, ttl: UInt32 = 60,
            manner: Manner = .answered
        ) {
            self.ipv4 = ipv4
            self.ipv6 = ipv6
            self.alias = alias
            self.ttl = ttl
            self.manner = manner
        }
    }

    /// What was asked. Value.
    package struct Question: Hashable, Sendable {
        package let name: String
        package let type: UInt16
        package let isTCP: Bool
        /// That it came from over UDP.
        package let port: UInt16?
    }

    package let port: UInt16
    package var address: String { "127.0.0.1:\(port)" }
    private let zone = Mutex<[String: Entry]>([:])
    private let asked = EventSource<[Question]>([])
    private let stopPipe: (read: Int32, write: Int32)

    package init() throws {
        let (udp, tcp, port) = try Self.open()
        self.port = port
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw StreamSocket.failure("pipe") }
        stopPipe = (ends[0], ends[1])
        let stop = ends[0]
        Thread.detachNewThread { [weak self] in
            Self.serve(udp, tcp, stop) { self?.answer($0, from: $1) }
            for descriptor in [udp, tcp, stop] { close(descriptor) }
        }
    }

    deinit {
        close(stopPipe.write)
    }

    package subscript(name: String) -> Entry? {
        get { zone.withLock { $0[name] } }
        set { zone.withLock { $0[name] = newValue } }
    }

    package var questions: [Question] { asked.current }
    package func questions(about name: String) -> [Question] { asked.current.filter { $0.name == name } }
    package func wait(for what: String, _ isMet: @escaping ([Question]) -> Bool) throws {
        _ = try asked.wait(for: what, within: TestTimeout.milliseconds, isMet)
    }

    // MARK: Sockets

    /// Both have the same port.
    private static func open() throws -> (udp: Int32, tcp: Int32, port: UInt16) {
        for _ in 0..<20 {
            let tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            let udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            if SocketAddresses.withIPv4("127.0.0.1", port: 0, { bind(tcp, $0, $1) }) == 0, listen(tcp, 64) == 0 {
                let port = localPort(tcp)
                if SocketAddresses.withIPv4("127.0.0.1", port: port, { bind(udp, $0, $1) }) == 0 {
                    return (udp, tcp, port)
                }
            }
            close(tcp)
            close(udp)
        }
        throw StreamSocket.failure("binding a DNS server")
    }

    private static func localPort(_ descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Until the other end of `stop` is closed.
    private static func serve(
        _ udp: Int32, _ tcp: Int32, _ stop: Int32, _ answer: ([UInt8], _ fromUDP: UInt16?) -> [UInt8]?
    ) {
        var room = [UInt8](repeating: 0, count: 65_536)
        while true {
            var waits = [udp, tcp, stop].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&waits, 3, -1) > 0 || errno == EINTR else { return }
            if waits[2].revents != 0 { return }
            if waits[0].revents != 0 {
                var peer = sockaddr_storage()
                var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
                withUnsafeMutablePointer(to: &peer) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
                        let count = recvfrom(udp, &room, room.count, 0, peer, &size)
                        let port = peer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                            UInt16(bigEndian: $0.pointee.sin_port)
                        }
                        guard count > 12, let reply = answer(Array(room[..<count]), port) else { return }
                        sendto(udp, reply, reply.count, 0, peer, size)
                    }
                }
            }
            if waits[1].revents != 0 { serveTCP(accept(tcp, nil, nil), answer) }
        }
    }

    /// One question.
    private static func serveTCP(_ descriptor: Int32, _ answer: ([UInt8], _ fromUDP: UInt16?) -> [UInt8]?) {
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 2 || bytes.count < 2 + (Int(bytes[0]) << 8 | Int(bytes[1])) {
            let count = recv(descriptor, &room, room.count, 0)
            guard count > 0 else { return }
            bytes += room[..<count]
        }
        guard let reply = answer(Array(bytes[2...]), nil) else { return }
        let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 255)] + reply
        send(descriptor, framed, framed.count, Int32(MSG_NOSIGNAL))
    }

    // MARK: Answers

    private func answer(_ query: [UInt8], from port: UInt16?) -> [UInt8]? {
        var labels: [String] = []
        var at = 12
        while at < query.count, query[at] > 0 {
            labels.append(text(Array(query[(at + 1)..<min(at + 1 + Int(query[at]), query.count)])))
            at += 1 + Int(query[at])
        }
        guard at + 5 <= query.count else { return nil }
        let name = labels.joined(separator: ".").lowercased()
        let type = UInt16(query[at + 1]) << 8 | UInt16(query[at + 2])
        asked.change { $0.append(Question(name: name, type: type, isTCP: port == nil, port: port)) }
        let question = Array(query[12..<(at + 5)])
        let entries = zone.withLock { $0 }
        guard let message = Self.message(name, type, port == nil, entries) else { return nil }
        let authority = message.answers.isEmpty ? Self.authority : []
        let counts =
            Self.short(1) + Self.short(message.answers.count) + Self.short(authority.isEmpty ? 0 : 1) + Self.short(0)
        let flags: [UInt8] = [0x81 | (message.isCut ? 2 : 0), 0x80 | message.code]
        return Array(query[..<2]) + flags + counts + question + message.answers.flatMap { $0 } + authority
    }

    private static func message(
        _ name: String, _ type: UInt16, _ isTCP: Bool, _ entries: [String: Entry]
    ) -> (code: UInt8, isCut: Bool, answers: [[UInt8]])? {
        let (noSuchName, failure): (UInt8, UInt8) = (3, 2)
        guard let entry = entries[name] else { return (noSuchName, false, []) }
        switch entry.manner {
        case .silent: return nil
        case .silentFor(let silent) where silent == type: return nil
        case .noSuchName: return (noSuchName, false, [])
        case .failing: return (failure, false, [])
        case .truncated where !isTCP: return (0, true, [])
        case .lying: return (0, false, records("other.example", type, entry))
        case .answered, .silentFor, .truncated: break
        }
        var answers: [[UInt8]] = []
        var (owner, last) = (name, entry)
        while let alias = last.alias, answers.count < 8 {
            answers.append(encode(owner) + short(5) + short(1) + number(last.ttl) + data(encode(alias)))
            owner = alias
            last = entries[alias] ?? Entry()
        }
        return (0, false, answers + records(owner, type, last))
    }

    /// Has it kept for half a minute that there is nothing.
    private static let authority: [UInt8] = {
        let numbers = [1, 1, 1, 1, 30].flatMap { number($0) }
        return encode("example") + short(6) + short(1) + number(30)
            + data(encode("ns.example") + encode("admin.example") + numbers)
    }()

    private static func records(_ owner: String, _ type: UInt16, _ entry: Entry) -> [[UInt8]] {
        let (list, family) = type == 1 ? (entry.ipv4, AF_INET) : (entry.ipv6, AF_INET6)
        return list.map { address in
            var bytes = [UInt8](repeating: 0, count: type == 1 ? 4 : 16)
            inet_pton(family, address, &bytes)
            return encode(owner) + short(Int(type)) + short(1) + number(entry.ttl) + data(bytes)
        }
    }

    private static func encode(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
    private static func data(_ bytes: [UInt8]) -> [UInt8] { short(bytes.count) + bytes }
    private static func short(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    private static func number(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }
}
