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

/// Who takes the clients of a listener.
package protocol ListenerHandler: AnyObject {
    /// Whether one more may come now; if not, `resume` is called when it may.
    var hasRoom: Bool { get }
    /// Whether `makeRoom` would succeed, or come nearer to it.
    var mayMakeRoom: Bool { get }
    /// Somebody waits: whether one more may come now, if need be in the place of another.
    func makeRoom() -> Bool
    /// The stream of a new client, which is the handler's from here on; `peer` is nil on a Unix socket.
    func accepted(_ stream: any ByteStream, peer: IPAddress?)
    /// No descriptors are left: accepting pauses for a moment. May free some.
    func outOfDescriptors()
    /// Somebody waits who may not come in.
    func acceptingPaused()
}

/// A listening socket: accepts while its handler wants clients, otherwise leaves them in the kernel's backlog, and never spins.
/// Loop-bound.
package final class Listener: EventSource {
    private unowned let reactor: Reactor
    private let kernel: any Kernel
    private unowned let handler: any ListenerHandler
    package let socket: ListeningSocket
    private var isOpen = true
    private var descriptor: CInt { isOpen ? socket.descriptor : -1 }
    package private(set) var isPaused = false
    private var retry: Deadline?
    private var waitsForDescriptors = false

    private static let acceptsPerTurn = 64
    private static let retryDelay = Interval.milliseconds(50)

    /// The socket is the listener's from here on, also where this throws.
    package init(_ socket: ListeningSocket, reactor: Reactor, handler: any ListenerHandler) throws(SystemError) {
        self.reactor = reactor
        kernel = reactor.kernel
        self.handler = handler
        self.socket = socket
        super.init()
        let code = reactor.watch(self, socket.descriptor, edges: false)
        guard code == 0 else {
            kernel.close(socket.descriptor)
            socket.removeFile()
            throw SystemError(code: -code, doing: "watching a listener")
        }
    }

    deinit {
        retry?.owner = nil
    }

    override func ready(_ events: UInt32) {
        accept(inAnyCase: false)
    }

    private func accept(inAnyCase: Bool) {
        for turn in 0..<Self.acceptsPerTurn {
            guard descriptor >= 0 else { return }
            // Whether anybody waits behind the one that was let in last is told by the next event only.
            guard inAnyCase || (turn == 0 ? handler.makeRoom() : handler.hasRoom) else {
                if turn == 0 { pause() }
                return
            }
            var peer: IPAddress?
            let client = kernel.accept(descriptor, peer: &peer)
            guard client < 0 else {
                open(client, peer: peer)
                continue
            }
            switch -client {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                waitsForDescriptors = true
                pause()
                handler.outOfDescriptors()
                let retry = retry ?? Deadline(owner: self)
                self.retry = retry
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

    /// Before the end of a socket that nobody else holds: whom it let in is served, be there one too many.
    package func acceptWaiting() {
        for _ in 0..<Self.acceptsPerTurn { accept(inAnyCase: true) }
    }

    private func pause() {
        guard !isPaused else { return }
        isPaused = true
        reactor.setWatching(self, descriptor, false)
        handler.acceptingPaused()
    }

    /// A client has gone, or a descriptor.
    package func resume() {
        waitsForDescriptors = false
        guard isPaused, descriptor >= 0, handler.hasRoom || handler.mayMakeRoom else { return }
        isPaused = false
        reactor.setWatching(self, descriptor, true)
    }

    package func close() {
        guard isOpen else { return }
        if let retry { reactor.timer.remove(retry) }
        reactor.unwatchShared(self, descriptor)
        kernel.close(descriptor)
        socket.removeFile()
        isOpen = false
    }
}

extension Listener: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        resume()
        return .distantFuture
    }
}
