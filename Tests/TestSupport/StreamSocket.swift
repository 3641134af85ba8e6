import Glibc
import Synchronization

/// How the other side ended a connection: in order, or by a reset.
package enum Ending: Sendable {
    case fin, reset
}

/// What was received from a socket.
package enum Arrival: Equatable, Sendable {
    case bytes([UInt8])
    case end(Ending)
}

/// One connected TCP socket, with or without TLS, used by one thread; only `cancel` may be called by others. Shared.
package final class StreamSocket: Sendable {
    private let descriptor: Int32
    private let isOpen = Mutex(true)
    private let encryption = Mutex<ServerTLS.Session?>(nil)

    /// Nagle's algorithm: a small segment waits until what was sent before is acknowledged.
    package func delaySmallSegments() {
        var zero: Int32 = 0
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &zero, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Whether nothing comes for so long.
    package func isSilent(forMilliseconds time: Int32) -> Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, time) == 0
    }

    package init(adopting descriptor: Int32) {
        self.descriptor = descriptor
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        close()
    }

    /// `receiveBuffer`: set before connecting, so that the window is small from the start.
    package static func connect(port: UInt16, address: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws
        -> StreamSocket
    {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("socket") }
        let made = StreamSocket(adopting: descriptor)
        if let receiveBuffer { made.setReceiveBuffer(receiveBuffer) }
        let result = SocketAddresses.withIPv4(address, port: port) { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 else { throw failure("connect to \(address):\(port)") }
        return made
    }

    /// Plays the server of a handshake. Nil where the other side does not finish it; whether it resumed a session.
    package func startTLS(_ tls: ServerTLS) -> Bool? {
        let session = tls.accept(descriptor)
        encryption.withLock { $0 = session }
        return session?.isResumed
    }

    private var session: ServerTLS.Session? { encryption.withLock { $0 } }

    // MARK: Sending

    /// False if the other side is gone and takes no more bytes.
    @discardableResult
    package func send(_ bytes: [UInt8], within milliseconds: Int = TestTimeout.milliseconds) throws -> Bool {
        var sent = 0
        while sent < bytes.count {
            guard let count = try sendSome(bytes[sent...], within: milliseconds) else {
                throw TestFailure(
                    "the other side took \(sent) of \(bytes.count) bytes and no more in \(milliseconds) ms")
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Sends as many of `bytes` as are accepted at once. Returns 0 if the other side is gone, nil if none were accepted
    /// in time.
    package func sendSome(_ bytes: ArraySlice<UInt8>, within milliseconds: Int) throws -> Int? {
        guard try wait(for: Int16(POLLOUT), milliseconds) else { return nil }
        if let session { return session.send(bytes) }
        let count = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        if count > 0 { return count }
        if errno == EAGAIN || errno == EINTR { return try sendSome(bytes, within: milliseconds) }
        return 0
    }

    /// TLS ends with close_notify, unless it is to look cut.
    package func finishSending(unannounced: Bool = false) {
        if !unannounced { session?.sendCloseNotify() }
        isOpen.withLock { isOpen in
            if isOpen { shutdown(descriptor, Int32(SHUT_WR)) }
        }
    }

    // MARK: Receiving

    package func receive(upTo limit: Int = 65536, within milliseconds: Int = TestTimeout.milliseconds) throws -> Arrival
    {
        guard let arrival = try receiveIfAny(upTo: limit, within: milliseconds) else {
            throw TestFailure("nothing was received in \(milliseconds) ms")
        }
        return arrival
    }

    /// Nil if nothing was received in time. A negative time is unlimited.
    package func receiveIfAny(upTo limit: Int = 65536, within milliseconds: Int) throws -> Arrival? {
        let session = session
        if session?.hasPending != true {
            guard try wait(for: Int16(POLLIN), milliseconds) else { return nil }
        }
        if let session { return session.receive(upTo: limit) }
        var (result, reason) = (0, Int32(0))
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            result = recv(descriptor, buffer.baseAddress, limit, Int32(MSG_DONTWAIT))
            reason = errno
            count = max(result, 0)
        }
        if result > 0 { return .bytes(bytes) }
        if result < 0, reason == EAGAIN || reason == EINTR {
            return try receiveIfAny(upTo: limit, within: milliseconds)
        }
        return .end(result == 0 ? .fin : .reset)
    }

    // MARK: Ending

    /// Ends the connection with a RST.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Ends it like a host that restarts: silently, and later packets are answered with RST.
    package func vanish() throws {
        let (repair, mode) = (Int32(19), Int32(1))  // TCP_REPAIR, which glibc does not name
        var value = mode
        guard setsockopt(descriptor, Int32(IPPROTO_TCP), repair, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
        else { throw Self.failure("TCP_REPAIR, which needs CAP_NET_ADMIN") }
        close()
    }

    package func close() {
        isOpen.withLock { isOpen in
            if isOpen { Glibc.close(descriptor) }
            isOpen = false
        }
        encryption.withLock { $0 = nil }
    }

    /// Wakes a thread that waits on this socket; from any thread.
    package func cancel() {
        isOpen.withLock { isOpen in
            if isOpen { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    package func setReceiveBuffer(_ bytes: Int32) {
        var bytes = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    // MARK: Waiting

    private func wait(for events: Int16, _ milliseconds: Int) throws -> Bool {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let result = poll(&entry, 1, Int32(milliseconds))
            if result > 0 { return true }
            if result == 0 { return false }
            guard errno == EINTR else { throw Self.failure("poll") }
        }
    }

    /// Which of these has something to receive, or has ended; nil if none does in time.
    package static func firstReadable(_ sockets: [StreamSocket], within milliseconds: Int = TestTimeout.milliseconds)
        -> Int?
    {
        var entries = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), Int32(milliseconds)) > 0 else { return nil }
        return entries.firstIndex { $0.revents != 0 }
    }

    static func failure(_ what: String) -> TestFailure {
        TestFailure("\(what): \(String(cString: strerror(errno)))")
    }
}
