import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// The calls on sockets, with the results that Linux gives.
extension SimulatedKernel {
    // MARK: Registration

    func watch(_ descriptor: CInt, tag: UnsafeRawPointer, edges: Bool) -> CInt {
        guard let socket = socket(descriptor) else { return -EBADF }
        guard socket.tag == nil else { return -EEXIST }
        socket.tag = tag
        socket.isEdgeTriggered = edges
        socket.isWatched = true
        if socket.poll() != 0 { list(socket) }
        return 0
    }

    func setWatching(_ descriptor: CInt, tag: UnsafeRawPointer, _ on: Bool) {
        guard let socket = socket(descriptor) else { return }
        socket.isWatched = on
        if on, socket.poll() != 0 { list(socket) }
    }

    func unwatch(_ descriptor: CInt) { socket(descriptor)?.tag = nil }

    // MARK: Opening and closing

    func makeSocket(_ family: IPAddress.Family) -> CInt {
        open { KernelSocket($0, .fresh(source: nil), self) } ?? -EMFILE
    }

    func apply(_ options: SocketOptions, to descriptor: CInt) -> [SocketOptions.Refusal] { [] }

    func bind(_ descriptor: CInt, to address: IPAddress) -> CInt {
        guard let socket = socket(descriptor), case .fresh = socket.kind else { return -EINVAL }
        socket.kind = .fresh(source: address)
        return 0
    }

    func connect(_ descriptor: CInt, to endpoint: Endpoint) -> CInt {
        guard let socket = socket(descriptor), case .fresh(let source) = socket.kind else { return -EINVAL }
        let path = network.path(to: endpoint)
        switch path.connecting {
        case .unreachable: return -ENETUNREACH
        case .noLocalPort: return -EADDRNOTAVAIL
        case .open, .refused, .blackHole, .timesOut, .hostUnreachable: break
        }
        let link = network.dial(from: source ?? .proxyHost, to: endpoint)
        link.dialler.owner = .kernel(socket)
        socket.kind = .stream(link, link.dialler, wasAccepted: false)
        return -EINPROGRESS
    }

    /// Creates a listening socket, for `ListeningSocket`.
    func listen(at endpoint: Endpoint) -> CInt {
        guard network.listener(at: endpoint) == nil else { return -EADDRINUSE }
        let listener = KernelListener(self, at: endpoint)
        let descriptor = open { KernelSocket($0, .listening(listener), self) }
        guard let descriptor, let socket = socket(descriptor) else { return -EMFILE }
        listener.open(socket)
        return descriptor
    }

    func accept(_ descriptor: CInt, peer: inout IPAddress?) -> CInt {
        guard let socket = socket(descriptor), case .listening(let listener) = socket.kind else { return -EINVAL }
        guard listener.hasWaiting else { return -EAGAIN }
        // As in Linux, the descriptor is allocated before a connection is taken from the queue.
        guard openDescriptors < descriptorLimit else { return -EMFILE }
        guard let link = listener.take() else { return -EAGAIN }
        let end = link.acceptor
        let accepted = open { KernelSocket($0, .stream(link, end, wasAccepted: true), self) }
        guard let accepted, let made = self.socket(accepted) else { return -EMFILE }
        switch end.phase {
        case .connecting, .established, .dead: end.owner = .kernel(made)
        case .released: break
        }
        peer = end.remote.address
        return accepted
    }

    func close(_ descriptor: CInt) {
        guard let socket = socket(descriptor) else { return }
        switch socket.kind {
        case .stream(let link, let end, _):
            network.trace.note("connd") { "closes its connection to \(network.name(of: end.remote))" }
            network.release(link, end, withReset: socket.sendsReset)
        case .listening(let listener): listener.close()
        case .fresh, .closed: break
        }
        socket.kind = .closed
        socket.tag = nil
        forget(socket)
    }

    func resetOnClose(_ descriptor: CInt) { socket(descriptor)?.sendsReset = true }

    // MARK: Bytes

    func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard let socket = socket(descriptor), case .stream(let link, let end, let wasAccepted) = socket.kind else {
            return -Int(EPIPE)
        }
        let room = room(end)
        guard room > 0 else { return room }
        if !wasAccepted { noteLateRequest(socket, end, bytes) }
        let count = min(room, bytes.count)
        if count < bytes.count { end.wantsSpace = true }
        network.write(link, end, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        note(count, sent: true, wasAccepted, end)
        return count
    }

    func send(_ descriptor: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        guard let socket = socket(descriptor), case .stream(let link, let end, let wasAccepted) = socket.kind else {
            return -Int(EPIPE)
        }
        let room = room(end)
        guard room > 0 else { return room }
        if !wasAccepted { noteLateRequest(socket, end, first) }
        let head = min(room, first.count)
        let tail = min(room - head, second.count)
        if head + tail < first.count + second.count { end.wantsSpace = true }
        end.output.write(UnsafeRawBufferPointer(rebasing: first[..<head]))
        network.write(link, end, UnsafeRawBufferPointer(rebasing: second[..<tail]))
        note(head + tail, sent: true, wasAccepted, end)
        return head + tail
    }

    /// How much can be taken, above 0, or a negative error number.
    private func room(_ end: End) -> Int {
        switch end.phase {
        case .connecting: return -Int(EAGAIN)
        case .dead, .released:
            // An error is reported once, to the first call that asks.
            let code = end.takeError()
            return -Int(code == 0 ? EPIPE : code)
        case .established: break
        }
        guard !end.output.isEnded else { return -Int(EPIPE) }
        guard end.output.space > 0 else {
            end.wantsSpace = true
            return -Int(EAGAIN)
        }
        return end.output.space
    }

    func receive(_ descriptor: CInt, into room: UnsafeMutableRawBufferPointer) -> Int {
        guard case .stream(let link, let end, let wasAccepted) = socket(descriptor)?.kind else { return -Int(ENOTCONN) }
        let input = end.input
        if input.unread > 0 {
            let count = min(input.unread, room.count)
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.unreadBytes[..<count]))
            input.consume(count)
            network.consumed(link, end)
            note(count, sent: false, wasAccepted, end)
            return count
        }
        if input.finHasArrived { return 0 }
        switch end.phase {
        case .connecting, .established: return -Int(EAGAIN)
        case .dead, .released:
            // After the error was reported, reads return the end of input.
            return -Int(end.takeError())
        }
    }

    private func note(_ bytes: Int, sent: Bool, _ wasAccepted: Bool, _ end: End) {
        network.trace.mix(bytes << 1 | (sent ? 1 : 0))
        // Of TLS what is inside counts.
        guard wasAccepted || end.remote.port != Self.encryptedPort else { return }
        switch (sent, wasAccepted) {
        case (true, true): traffic.toClients += bytes
        case (true, false): traffic.toOrigins += bytes
        case (false, true): traffic.fromClients += bytes
        case (false, false): traffic.fromOrigins += bytes
        }
    }

    func shutdownOutput(_ descriptor: CInt) {
        guard case .stream(let link, let end, _) = socket(descriptor)?.kind, case .established = end.phase else {
            return
        }
        network.finish(link, end)
    }

    func pendingError(_ descriptor: CInt) -> CInt {
        guard case .stream(_, let end, _) = socket(descriptor)?.kind else { return 0 }
        return end.takeError()
    }

    /// A peek, which takes a pending error like every read.
    func isSilent(_ descriptor: CInt) -> Bool {
        guard case .stream(_, let end, _) = socket(descriptor)?.kind else { return false }
        if end.input.unread > 0 || end.input.finHasArrived { return false }
        switch end.phase {
        case .connecting, .established: return true
        case .dead, .released:
            _ = end.takeError()
            return false
        }
    }

    // MARK: Socket information

    func localEndpoint(_ descriptor: CInt) -> Endpoint? {
        switch socket(descriptor)?.kind {
        case .stream(_, let end, _): end.local
        case .listening(let listener): listener.endpoint
        case .fresh, .closed, nil: nil
        }
    }

    func remoteEndpoint(_ descriptor: CInt) -> Endpoint? {
        guard case .stream(_, let end, _) = socket(descriptor)?.kind else { return nil }
        return end.remote
    }

    func setNoDelay(_ descriptor: CInt) {}
    func acknowledgeAtOnce(_ descriptor: CInt) {}
    func tcpInfo(_ descriptor: CInt) -> TCPInfo? {
        guard case .stream(_, let end, _) = socket(descriptor)?.kind else { return nil }
        var info = TCPInfo()
        info.bytesAcknowledged = end.output.arrived
        info.sinceAcknowledged = Int((network.now - end.lastHeard).wholeMilliseconds)
        return info
    }

    func setUserTimeout(_ descriptor: CInt, _ milliseconds: CInt) -> CInt {
        guard case .stream(_, let end, _) = socket(descriptor)?.kind else { return -EBADF }
        defer { end.userTimeout = milliseconds }
        return end.userTimeout
    }

    func interfaceAddresses() -> [IPAddress] { [.proxyHost] }

    // MARK: For the oracle

    private func streams(_ isWanted: (End, Bool) -> Bool) -> Int {
        sockets.count { socket in
            guard case .stream(_, let end, let wasAccepted) = socket?.kind else { return false }
            return isWanted(end, wasAccepted)
        }
    }

    /// The proxy's descriptors that are connected or connecting to it.
    func connections(to endpoint: Endpoint) -> Int { streams { !$1 && $0.remote == endpoint } }
    var ownConnections: Int { streams { !$1 } }
    /// The proxy's descriptors of clients.
    var acceptedConnections: Int { streams { $1 } }
    /// Those of clients whose output connd has ended.
    var finishedClients: Int { streams { $1 && $0.output.isEnded } }

    func holds(_ link: Link) -> Bool {
        sockets.contains { socket in
            guard case .stream(let held, _, _) = socket?.kind else { return false }
            return held === link
        }
    }
}

extension IPAddress {
    /// The address of the host that the proxy runs on.
    static let proxyHost = IPAddress(ipv4: 0x0A00_0001)
}

extension Endpoint {
    /// Where the proxy listens.
    static let proxy = Endpoint(address: .proxyHost, port: 3128)
}
