import Glibc

/// A FIFO that is full and that only the test reads. Shared.
package final class StalledFIFO: Sendable {
    package let path: String
    private let descriptor: Int32

    /// `isFull`: nothing can be written; else as much as the kernel buffers.
    package init(_ path: String, isFull: Bool = true) throws {
        self.path = path
        guard mkfifo(path, 0o600) == 0 else { throw StreamSocket.failure("mkfifo \(path)") }
        // Both ends: whoever opens it to write finds a reader.
        descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw StreamSocket.failure("open \(path)") }
        guard isFull else { return }
        let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        for size in [4096, 1] { while write(descriptor, bytes, size) > 0 {} }
    }

    deinit {
        close(descriptor)
    }

    /// Reads until the text so far fulfils `rule`; returns its lines without empty ones.
    package func read(until what: String, _ rule: (String) -> Bool) throws -> [String] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            guard poll(&entry, 1, Int32(TestTimeout.milliseconds)) > 0 else {
                throw TestFailure("waited in vain for \(what); there came: \(text(bytes))")
            }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            bytes += buffer[..<max(count, 0)]
            let now = text(bytes)
            if bytes.last == UInt8(ascii: "\n"), rule(now) { return now.split(separator: "\n").map(String.init) }
        }
    }
}

/// A datagram socket that is full and never read, like that of a journal or service manager that hangs. Shared.
package final class StalledInbox: Sendable {
    package let address: String
    private let descriptor: Int32

    package init(_ address: String) throws {
        self.address = address
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0, SocketAddresses.withUnix(address, { bind(descriptor, $0, $1) }) == 0 else {
            throw StreamSocket.failure("bind to \(address)")
        }
        let sender = socket(AF_UNIX, type, 0)
        defer { close(sender) }
        let byte: [UInt8] = [0]
        while SocketAddresses.withUnix(address, { sendto(sender, byte, 1, Int32(MSG_DONTWAIT), $0, $1) }) == 1 {}
    }

    deinit {
        close(descriptor)
    }
}
