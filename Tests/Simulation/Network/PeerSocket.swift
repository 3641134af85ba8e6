import ProxyTypes

/// A script that owns a socket. Every call comes from an event of the network, never from inside a call to the socket.
protocol PeerOwner: AnyObject {
    func connected(_ socket: PeerSocket)
    func connectFailed(_ socket: PeerSocket, _ code: CInt)
    /// The bytes are valid during the call only.
    func received(_ socket: PeerSocket, _ bytes: UnsafeRawBufferPointer)
    /// FIN, behind all bytes.
    func inputEnded(_ socket: PeerSocket)
    /// RST, or the other host stopped responding: the socket is closed.
    func wasReset(_ socket: PeerSocket)
    /// All that was sent has arrived at the other host.
    func outputTaken(_ socket: PeerSocket)
}

/// The scripted side of a connection, a client's or an origin's; the other side is a descriptor of the simulated
/// kernel.
final class PeerSocket {
    /// Held until the socket is closed. Not weak, because objects with weak references have slower reference counts.
    var owner: (any PeerOwner)?
    /// In the order in which sockets are made.
    let number: Int
    let local: Endpoint
    let remote: Endpoint
    let dialledAt: Instant
    private let network: SimulatedNetwork
    private var link: Link?
    private let end: End
    /// The proxy's side.
    private let other: End
    private var reading = Reading.on
    private var inputIsOver = false

    private enum Reading {
        case on, paused, resuming
    }

    init(_ network: SimulatedNetwork, _ link: Link, _ end: End) {
        self.network = network
        self.link = link
        self.end = end
        number = network.newNumber()
        dialledAt = link.dialledAt
        other = link.opposite(end)
        local = end.local
        remote = end.remote
        end.owner = .peer(self)
    }

    /// Whether it is neither closed nor reset.
    var isOpen: Bool { link != nil }
    /// Not arrived at the other host yet.
    var unsentBytes: Int { end.output.unsent }
    /// Of all that was sent, and how much of it has arrived at the other host.
    var sentBytes: Int { end.output.written }
    var arrivedBytes: Int { end.output.arrived }
    /// Nothing more comes in.
    var isAtEnd: Bool { inputIsOver }
    /// Our FIN has arrived at the other host.
    var finHasArrived: Bool { end.output.finHasArrived }
    /// Arrived here and not read, because reading is paused.
    var unreadBytes: Int { end.input.unread }

    /// The proxy has not closed its descriptor yet.
    var isHeldByKernel: Bool {
        if case .kernel = other.owner { return true }
        return false
    }

    /// Bytes that the other side does not take yet are kept here.
    func send(_ bytes: [UInt8]) { bytes.withUnsafeBytes { send($0) } }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard let link, !end.output.isEnded else { return }
        network.write(link, end, bytes)
    }

    /// FIN, behind all that was sent.
    func shutdownOutput() {
        guard let link else { return }
        network.finish(link, end)
    }

    /// Closes both directions after everything that was sent. As in Linux, with a RST if bytes are unread or more
    /// arrive.
    func close() { letGo { network.release($0, end, withReset: false) } }

    /// RST; what has not arrived yet is lost.
    func reset() { letGo { network.release($0, end, withReset: true) } }

    /// The host has restarted silently: what still arrives is answered with RST.
    func vanish() { letGo { network.vanish($0, end) } }

    /// The host is gone, and nothing at its address answers.
    func fallSilent() { letGo { network.fallSilent($0, end) } }

    private func letGo(_ way: (Link) -> Void) {
        guard let link else { return }
        self.link = nil
        owner = nil
        network.trace.note(network.name(of: local)) { "closes its connection to \(network.name(of: remote))" }
        way(link)
    }

    func pauseReading() { reading = .paused }

    func resumeReading() {
        guard case .paused = reading else { return }
        reading = .resuming
        network.schedule(after: .zero) { [self] in resume() }
    }

    private func resume() {
        guard case .resuming = reading else { return }
        reading = .on
        bytesArrived()
        if isOpen, end.input.finHasArrived { endArrived() }
    }

    // MARK: Called by the network

    func dialled(_ code: CInt) {
        let owner = owner
        if code == 0 { return owner?.connected(self) ?? () }
        letGo { network.release($0, end, withReset: false) }
        owner?.connectFailed(self, code)
    }

    func bytesArrived() {
        guard case .on = reading, let link, end.input.unread > 0 else { return }
        // The bytes stay in place until more are written there, which a script does not do during the call. They are
        // consumed first, because a script that closes the socket has read them.
        let bytes = end.input.unreadBytes
        end.input.consume(bytes.count)
        network.consumed(link, end)
        owner?.received(self, bytes)
    }

    func endArrived() {
        guard case .on = reading, !inputIsOver else { return }
        inputIsOver = true
        owner?.inputEnded(self)
    }

    func resetArrived() {
        bytesArrived()
        // The owner may have closed it because of what it read.
        guard let link else { return }
        self.link = nil
        network.release(link, end, withReset: false)
        owner?.wasReset(self)
        owner = nil
    }

    /// The run is over: the owner is not called any more.
    func tearDown() {
        owner = nil
        link = nil
    }

    func outputTaken() { if isOpen { owner?.outputTaken(self) } }
}

/// A scripted origin's listening socket.
final class PeerListener: NetworkListener {
    let endpoint: Endpoint
    private let network: SimulatedNetwork
    private let accept: (PeerSocket) -> Void

    init(_ network: SimulatedNetwork, at endpoint: Endpoint, accept: @escaping (PeerSocket) -> Void) {
        self.network = network
        self.endpoint = endpoint
        self.accept = accept
        network.setListener(self, at: endpoint)
    }

    func arrived(_ link: Link) { accept(PeerSocket(network, link, link.acceptor)) }

    /// Later connections are refused.
    func close() {
        if network.listener(at: endpoint) === self { network.setListener(nil, at: endpoint) }
    }
}

extension SimulatedNetwork {
    func listen(at endpoint: Endpoint, accept: @escaping (PeerSocket) -> Void) -> PeerListener {
        PeerListener(self, at: endpoint, accept: accept)
    }

    /// Opens a scripted client's connection, and reports its outcome to the owner.
    func connect(to endpoint: Endpoint, from address: IPAddress, owner: any PeerOwner) -> PeerSocket {
        let link = dial(from: address, to: endpoint)
        let socket = PeerSocket(self, link, link.dialler)
        socket.owner = owner
        return socket
    }
}
