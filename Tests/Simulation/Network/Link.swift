import ProxyTypes

/// A connection between two hosts. Only the network changes it.
final class Link {
    /// How far it has come.
    enum Phase {
        case dialling
        /// Open on the dialling side, not yet on the accepting side.
        case dialled
        case open
        case failed
    }

    let index: Int32
    let path: PathState
    let dialledAt: Instant
    var phase = Phase.dialling
    /// One of the hosts is gone without a word: nothing arrives at either any more.
    var isSilent = false
    let dialler: End
    let acceptor: End

    init(index: Int32, path: PathState, from local: Endpoint, to remote: Endpoint, now: Instant) {
        self.index = index
        self.path = path
        dialledAt = now
        let there = Pipe(sendLimit: path.path.sendBuffer, receiveLimit: path.path.receiveBuffer)
        let back = Pipe(sendLimit: path.path.sendBuffer, receiveLimit: path.path.receiveBuffer)
        dialler = End(output: there, input: back, local: local, remote: remote, isDialler: true)
        acceptor = End(output: back, input: there, local: remote, remote: local, isDialler: false)
    }

    func end(dialler isDialler: Bool) -> End { isDialler ? dialler : acceptor }
    func opposite(_ end: End) -> End { end.isDialler ? acceptor : dialler }

    /// Whether both hosts have forgotten it and nothing is under way.
    var isOver: Bool {
        guard case .released = dialler.phase, case .released = acceptor.phase else { return false }
        return dialler.output.isOver && acceptor.output.isOver
    }
}

/// One side of a connection, as its own host sees it.
final class End {
    enum Phase {
        /// No connection yet.
        case connecting
        case established
        /// Ended by a RST or an error; its owner has not closed it yet.
        case dead
        /// Closed by its owner; bytes already written are still sent.
        case released
    }

    /// What holds this side.
    enum Owner {
        /// Nothing: it waits to be accepted.
        case nobody
        case kernel(KernelSocket)
        case peer(PeerSocket)
    }

    let output: Pipe
    let input: Pipe
    let local: Endpoint
    let remote: Endpoint
    let isDialler: Bool
    var phase = Phase.connecting
    var owner = Owner.nobody
    /// SO_ERROR.
    var pendingError: CInt = 0
    /// TCP_USER_TIMEOUT in milliseconds; 0: the kernel's.
    var userTimeout: CInt = 0
    /// When a segment last came from the other side.
    var lastHeard = Instant.zero
    /// A write found no space: the owner is notified when there is some.
    var wantsSpace = false

    fileprivate init(output: Pipe, input: Pipe, local: Endpoint, remote: Endpoint, isDialler: Bool) {
        self.output = output
        self.input = input
        self.local = local
        self.remote = remote
        self.isDialler = isDialler
    }

    func takeError() -> CInt {
        defer { pendingError = 0 }
        return pendingError
    }
}
