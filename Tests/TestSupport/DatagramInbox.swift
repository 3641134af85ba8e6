import Foundation
import Glibc

/// Receives the datagrams that connd sends to a Unix address, in place of systemd's notify socket or journald. Shared.
package final class DatagramInbox: Sendable {
    /// A datagram of lines `NAME=value`. Value.
    package struct Message: Sendable {
        package let text: String
        package let time: ContinuousClock.Instant

        package subscript(name: String) -> String? {
            for line in text.split(separator: "\n") where line.hasPrefix(name + "=") {
                return String(line.dropFirst(name.count + 1))
            }
            return nil
        }
    }

    /// A path, or `@name` in the abstract namespace.
    package let address: String
    private let socket: StreamSocket
    private let received = EventSource<[Message]>([])

    /// `arrived` is called for each message before it is added to `messages`; the sender does not wait for it.
    package init(_ address: String, arrived: @escaping @Sendable (Message) -> Void = { _ in }) throws {
        self.address = address
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw StreamSocket.failure("socket") }
        let socket = StreamSocket(adopting: descriptor)
        self.socket = socket
        guard SocketAddresses.withUnix(address, { bind(descriptor, $0, $1) }) == 0 else {
            throw StreamSocket.failure("bind to \(address)")
        }
        let received = received
        Thread.detachNewThread { [socket] in
            // Keeps the descriptor from being another's.
            defer { socket.close() }
            while let bytes = Self.receive(descriptor) {
                let message = Message(text: TestSupport.text(bytes), time: .now)
                arrived(message)
                received.change { $0.append(message) }
            }
        }
    }

    deinit {
        end()
    }

    /// Stops receiving; another inbox may then take the address.
    package func end() {
        socket.cancel()
        if !address.hasPrefix("@") { unlink(address) }
    }

    /// Nil when it has been ended.
    private static func receive(_ descriptor: Int32) -> [UInt8]? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            if poll(&entry, 1, -1) < 0, errno != EINTR { return nil }
            if Int32(entry.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0 { return nil }
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, filled in
                count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                filled = max(count, 0)
            }
            if count >= 0 { return bytes }
        }
    }

    package var messages: [Message] { received.current }

    /// Waits until `rule` holds, and returns the messages received by then.
    @discardableResult
    package func wait(for what: String, _ rule: ([Message]) -> Bool) throws -> [Message] {
        try received.wait(for: what, rule)
    }

    /// Waits for the first message with a line for which `rule` holds.
    @discardableResult
    package func wait(forLine name: String, _ rule: (String) -> Bool = { _ in true }) throws -> Message {
        let all = try wait(for: "a line \(name)") { $0.contains { $0[name].map(rule) == true } }
        guard let found = all.first(where: { $0[name].map(rule) == true }) else { throw TestFailure("no \(name)") }
        return found
    }
}
