import ProxyTypes
import Reactor

/// One descriptor of the simulated kernel.
final class KernelSocket {
    enum Kind {
        /// Created, not connected yet.
        case fresh(source: IPAddress?)
        case stream(Link, End, wasAccepted: Bool)
        case listening(KernelListener)
        case closed
    }

    let descriptor: CInt
    private unowned let kernel: SimulatedKernel
    var kind: Kind
    var sendsReset = false
    // Its entry in the epoll instance.
    var tag: UnsafeRawPointer?
    var isEdgeTriggered = true
    var isWatched = false
    var isListed = false
    /// The round in which the loop first heard of it.
    var firstReported: Int?

    init(_ descriptor: CInt, _ kind: Kind, _ kernel: SimulatedKernel) {
        self.descriptor = descriptor
        self.kind = kind
        self.kernel = kernel
    }

    var isOpen: Bool { if case .closed = kind { false } else { true } }

    /// The result of `poll` may have changed.
    func wake() { kernel.list(self) }

    /// EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP and EPOLLRDHUP, as Linux's tcp_poll reports them.
    func poll() -> UInt32 {
        switch kind {
        case .fresh: return Self.output | Self.hangup
        case .closed: return 0
        case .listening(let listener): return listener.hasWaiting ? Self.input : 0
        case .stream(_, let end, _): return poll(end)
        }
    }

    private func poll(_ end: End) -> UInt32 {
        var events: UInt32 = end.pendingError != 0 ? Self.error : 0
        switch end.phase {
        case .connecting, .released: return events
        case .dead: return events | Self.input | Self.output | Self.hangup | Self.peerHangup
        case .established: break
        }
        let inputIsOver = end.input.finHasArrived
        if inputIsOver { events |= Self.input | Self.peerHangup }
        if end.input.unread > 0 { events |= Self.input }
        if end.output.isEnded {
            events |= Self.output
            if inputIsOver { events |= Self.hangup }
        } else if end.output.space >= max(end.output.sendLimit / 3, 1) {
            events |= Self.output
        } else {
            end.wantsSpace = true
        }
        return events
    }

    private static let input: UInt32 = 0x001
    private static let output: UInt32 = 0x004
    private static let error: UInt32 = 0x008
    private static let hangup: UInt32 = 0x010
    private static let peerHangup: UInt32 = 0x2000
}

/// A listening socket, where connections wait until they are accepted.
final class KernelListener: NetworkListener {
    let endpoint: Endpoint
    private unowned let kernel: SimulatedKernel
    private unowned(unsafe) var socket: KernelSocket?
    private var waiting: [Link] = []

    init(_ kernel: SimulatedKernel, at endpoint: Endpoint) {
        self.kernel = kernel
        self.endpoint = endpoint
    }

    var hasWaiting: Bool { !waiting.isEmpty }

    func open(_ socket: KernelSocket) {
        self.socket = socket
        kernel.network.setListener(self, at: endpoint)
    }

    func arrived(_ link: Link) {
        waiting.append(link)
        socket?.wake()
    }

    func take() -> Link? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// Waiting connections are reset.
    func close() {
        socket = nil
        if kernel.network.listener(at: endpoint) === self { kernel.network.setListener(nil, at: endpoint) }
        for link in waiting { kernel.network.release(link, link.acceptor, withReset: true) }
        waiting.removeAll()
    }
}
