import CLinux
package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// A socket that listens while nothing accepts from it yet: its clients wait in the kernel. Owns its descriptor until it
/// becomes a listener's or is closed. Value.
package struct ListeningSocket: Sendable {
    package let address: ListenAddress
    package let descriptor: CInt
    /// Others hold it too: it goes on listening when this process lets go of it.
    package let isInherited: Bool

    private static let backlog: CInt = 4096

    /// `descriptor` listens at `address`.
    package init(address: ListenAddress, descriptor: CInt, isInherited: Bool) {
        self.address = address
        self.descriptor = descriptor
        self.isInherited = isInherited
    }

    package static func open(_ address: ListenAddress) throws(SystemError) -> ListeningSocket {
        let descriptor: CInt
        switch address {
        case .tcp(let ip, let port):
            let bytes = ip.bytes
            descriptor = clinux_listen_tcp(bytes, CInt(bytes.count), port, backlog)
        case .unix(let path):
            descriptor = clinux_listen_unix(path, backlog)
        }
        guard descriptor >= 0 else { throw SystemError(code: -descriptor, doing: "listening") }
        return ListeningSocket(address: address, descriptor: descriptor, isInherited: false)
    }

    package static func inherited(_ descriptor: CInt, _ address: ListenAddress) -> ListeningSocket {
        ListeningSocket(address: address, descriptor: descriptor, isInherited: true)
    }

    /// As bound, with the port that the kernel chose; nil for a Unix socket.
    package var localAddress: (address: IPAddress, port: UInt16)? {
        if case .tcp(let address, let port) = address, port != 0 { return (address, port) }
        var bytes = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        let length = clinux_local_address(descriptor, &bytes, &port)
        return IPAddress(bytes: bytes.prefix(Int(length))).map { ($0, port) }
    }

    package func close() {
        Glibc.close(descriptor)
        removeFile()
    }

    func removeFile() {
        if case .unix(let path) = address, !isInherited { unlink(path) }
    }
}

/// Takes the clients of a listener. Loop-bound.
package protocol ListenerHandler: AnyObject {
    /// Whether one more client may be accepted now; if not, the handler calls `resume` when it may.
    var hasRoom: Bool { get }
    /// Whether `makeRoom` would succeed, or come nearer to it.
    var mayMakeRoom: Bool { get }
    /// A client waits to be accepted: whether it may be, if need be in place of another.
    func makeRoom() -> Bool
    /// The stream of a new client, which is the handler's from here on; `peer` is nil on a Unix socket.
    func accepted(_ stream: any ByteStream, peer: IPAddress?)
    /// No descriptors are left: accepting pauses for a moment. May free some.
    func outOfDescriptors()
    /// A client waits that may not be accepted yet.
    func acceptingPaused()
}

/// A listening socket: accepts while its handler wants clients, otherwise leaves them in the kernel's backlog, and never spins.
/// Loop-bound.
package final class Listener: EventSource {
    private unowned let reactor: Reactor
    private let kernel: any Kernel
    private unowned let handler: any ListenerHandler
    package let socket: ListeningSocket
    private var state = State.accepting
    private let retry = Deadline()

    /// ```
    ///   accepting ◀──▶ paused ──▶ closed        accepting ──▶ closed
    /// ```
    private enum State {
        case accepting
        /// The handler has no room, or no descriptor is left: clients wait in the kernel's backlog.
        case paused
        case closed
    }

    private static let acceptsPerTurn = 64
    private static let retryDelay = Interval.milliseconds(50)

    /// The socket is the listener's from here on, also where this throws.
    package init(_ socket: ListeningSocket, reactor: Reactor, handler: any ListenerHandler) throws(SystemError) {
        self.reactor = reactor
        kernel = reactor.kernel
        self.handler = handler
        self.socket = socket
        super.init()
        retry.owner = self
        let code = reactor.watch(self, socket.descriptor, edges: false)
        guard code == 0 else {
            kernel.close(socket.descriptor)
            socket.removeFile()
            throw SystemError(code: -code, doing: "watching a listener")
        }
    }

    deinit {
        retry.owner = nil
    }

    package var isPaused: Bool {
        switch state {
        case .paused: true
        case .accepting, .closed: false
        }
    }

    private var isClosed: Bool {
        switch state {
        case .closed: true
        case .accepting, .paused: false
        }
    }

    override func ready(_ events: UInt32) {
        accept(regardlessOfRoom: false)
    }

    private func accept(regardlessOfRoom: Bool) {
        for turn in 0..<Self.acceptsPerTurn {
            guard !isClosed else { return }
            // Only the next event tells whether another client waits behind the last one accepted.
            guard regardlessOfRoom || (turn == 0 ? handler.makeRoom() : handler.hasRoom) else {
                if turn == 0 { pause() }
                return
            }
            var peer: IPAddress?
            let client = kernel.accept(socket.descriptor, peer: &peer)
            guard client < 0 else {
                open(client, peer: peer)
                continue
            }
            switch -client {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                pause()
                handler.outOfDescriptors()
                reactor.timer.wake(retry, at: reactor.now + Self.retryDelay)
                return
            case EINTR, ECONNABORTED: continue
            default: return
            }
        }
    }

    private func open(_ client: CInt, peer: IPAddress?) {
        guard let stream = try? TCPStream(client, reactor: reactor) else { return }
        if peer != nil { kernel.setNoDelay(client) }
        handler.accepted(stream, peer: peer)
    }

    /// To be called before a socket is closed that only this process holds: for clients in its backlog the connection is
    /// open already. They are accepted even where there is no room.
    package func acceptWaiting() {
        for _ in 0..<Self.acceptsPerTurn { accept(regardlessOfRoom: true) }
    }

    private func pause() {
        switch state {
        case .accepting:
            state = .paused
            reactor.setWatching(self, socket.descriptor, false)
            handler.acceptingPaused()
        case .paused, .closed: break
        }
    }

    /// A client has gone, or a descriptor has come free.
    package func resume() {
        switch state {
        case .paused where handler.hasRoom || handler.mayMakeRoom:
            state = .accepting
            reactor.setWatching(self, socket.descriptor, true)
        case .paused, .accepting, .closed: break
        }
    }

    package func close() {
        guard !isClosed else { return }
        state = .closed
        reactor.timer.remove(retry)
        reactor.unwatchShared(self, socket.descriptor)
        kernel.close(socket.descriptor)
        socket.removeFile()
    }
}

extension Listener: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        resume()
        return .distantFuture
    }
}
