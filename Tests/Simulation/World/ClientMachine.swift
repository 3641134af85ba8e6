import ProxyTypes

/// A client that follows its plan, one connection after the other, and checks everything that it receives.
///
///     waiting ─> connecting ─> open ─> (waiting ─> …) ─> finished
final class ClientMachine {
    enum Phase {
        case waiting
        case connecting(PeerSocket)
        case open(PeerSocket)
        /// It sends nothing more, or has left; the socket may still receive answers to its requests.
        case leaving(PeerSocket)
        case finished
    }

    enum Output {
        case idle, thinking
        case sending(Sending)
        /// Behind a head that expects 100.
        case awaitingContinue(Sending)
        /// Nothing more is sent on this connection.
        case stopped
        case tunnel(TunnelEnd)
    }

    /// A message that is sent in parts.
    struct Sending {
        let account: Account
        let bytes: [UInt8]
        let headLength: Int
        /// Where it stops and is never continued.
        let limit: Int
        var offset = 0
    }

    /// It outlives all that is in it.
    unowned(unsafe) let world: World
    let index: Int
    let plan: ClientPlan
    var phase = Phase.waiting
    var output = Output.idle
    /// The number of its connection; work that was scheduled for an earlier one is not done.
    private(set) var generation = 0
    /// The next request to send.
    var next = 0
    /// Sent at least in part and not answered yet, in order.
    var due: [Account] = []
    var reader = StrictReader()
    var reading: Reading?
    /// The last answer said that no other follows.
    var toldLast = false
    private var received = 0
    private var restsTaken = 0
    /// If its last connection ended before it had sent anything, it sends without thinking time on the next.
    private var nextAtStart = 0
    var isHurried = false

    /// An answer that is arriving.
    struct Reading {
        enum Maker {
            case origin(Sighting)
            /// An origin, before there was a request.
            case unasked
            case proxy(error: String)
        }

        let account: Account?
        let maker: Maker
        let status: Int
        let isLast: Bool
        var count = 0
    }

    init(_ plan: ClientPlan, index: Int, in world: World) {
        self.plan = plan
        self.index = index
        self.world = world
    }

    /// Sent to origins, so that they can check what is bound to this connection.
    var connectionName: String { "\(index).\(generation)" }

    var isFinished: Bool { if case .finished = phase { true } else { false } }

    var socket: PeerSocket? {
        switch phase {
        case .connecting(let socket), .open(let socket), .leaving(let socket): socket
        case .waiting, .finished: nil
        }
    }

    func after(_ delay: Interval, _ work: @escaping (ClientMachine) -> Void) {
        let generation = generation
        world.after(delay) {
            guard self.generation == generation else { return }
            work(self)
        }
    }

    // MARK: Connections

    func start() {
        if let departure = plan.departure, case .after(let delay) = departure.trigger {
            world.after(plan.start + delay) { self.depart(departure.manner) }
        }
        after(plan.start) { $0.connect() }
    }

    private func connect() {
        guard case .waiting = phase else { return }
        guard let endpoint = world.listenerEndpoint else { return finish() }
        generation += 1
        nextAtStart = next
        reader = StrictReader()
        reading = nil
        toldLast = false
        output = .idle
        let socket = world.network.connect(to: endpoint, from: world.clientAddress(index), owner: self)
        phase = .connecting(socket)
    }

    /// The connection has ended, on either side; the remaining requests are sent on another one.
    func connectionEnded() {
        generation += 1
        if nextAtStart == next { isHurried = true }
        output = .idle
        switch phase {
        case .connecting, .open:
            phase = .waiting
            guard next < plan.requests.count, !world.isStopping else { return finish() }
            after(.milliseconds(5)) { $0.connect() }
        case .leaving: finish()
        case .waiting, .finished: break
        }
    }

    private func finish() {
        phase = .finished
        generation += 1
    }

    func tearDown() {
        finish()
        output = .stopped
    }

    func abandonDue() {
        for account in due { _ = account.settle(.abandoned, at: world.now) }
        due.removeAll()
        reading = nil
        reader.becomeRaw()
    }

    /// Leaves, even in the middle of a message.
    func depart(_ manner: ClientPlan.Ending) {
        guard !isFinished else { return }
        guard let socket, case .open = phase else {
            abandonDue()
            socket?.close()
            return finish()
        }
        phase = .leaving(socket)
        if case .tunnel(let tunnel) = output { tunnel.abandon() }
        output = .stopped
        switch manner {
        case .close, .reset, .silence:
            abandonDue()
            end(socket, manner)
            finish()
        case .fin:
            socket.shutdownOutput()
        case .wait:
            abandonDue()
            socket.pauseReading()
        }
    }

    private func end(_ socket: PeerSocket, _ manner: ClientPlan.Ending) {
        switch manner {
        case .close, .fin, .wait: socket.close()
        case .reset: socket.reset()
        case .silence: socket.fallSilent()
        }
    }

    // MARK: The plan

    func proceed() {
        guard case .open(let socket) = phase, case .idle = output else { return }
        guard next < plan.requests.count else {
            if due.isEmpty { rest(socket) }
            return
        }
        let request = plan.requests[next]
        if !due.isEmpty, !request.isPipelined || plan.isOneShot { return }
        if toldLast { return }
        output = .thinking
        after(isHurried ? .zero : request.think) { $0.begin(request) }
    }

    /// All requests are answered.
    private func rest(_ socket: PeerSocket) {
        switch plan.ending {
        case .close, .reset, .silence:
            phase = .leaving(socket)
            end(socket, plan.ending)
            finish()
        case .fin:
            phase = .leaving(socket)
            socket.shutdownOutput()
        case .wait: break
        }
    }

    /// An answer is complete: continues or ends the connection.
    func answered(isLast: Bool) {
        guard isLast || plan.isOneShot else { return proceed() }
        for account in due { _ = account.settle(.unanswered, at: world.now) }
        due.removeAll()
        guard let socket else { return }
        switch plan.ending {
        case .wait where isLast:
            // connd has to close the connection.
            toldLast = true
            output = .stopped
        case .close, .fin, .reset, .wait, .silence:
            socket.close()
            connectionEnded()
        }
    }
}

extension ClientMachine: PeerOwner {
    func connected(_ socket: PeerSocket) {
        guard case .connecting = phase else { return }
        phase = .open(socket)
        proceed()
    }

    func connectFailed(_ socket: PeerSocket, _ code: CInt) {
        // Nothing listens there any more.
        phase = .waiting
        world.wasRefused(self)
        finish()
    }

    func received(_ socket: PeerSocket, _ bytes: UnsafeRawBufferPointer) {
        received += bytes.count
        if case .tunnel(let tunnel) = output { tunnel.received(ArraySlice(bytes)) } else { read(bytes) }
        if restsTaken < plan.rests.count, received >= plan.rests[restsTaken].afterBytes, self.socket != nil {
            let length = plan.rests[restsTaken].length
            restsTaken += 1
            socket.pauseReading()
            after(length) { _ in socket.resumeReading() }
        }
        if let departure = plan.departure, case .bytesReceived(let count) = departure.trigger, received >= count {
            if case .open = phase { depart(departure.manner) }
        }
    }

    func inputEnded(_ socket: PeerSocket) {
        if case .tunnel(let tunnel) = output { return tunnel.sawEnd() }
        readToEnd(byReset: false)
        socket.close()
        connectionEnded()
    }

    func wasReset(_ socket: PeerSocket) {
        if case .tunnel(let tunnel) = output { return tunnel.sawReset() }
        readToEnd(byReset: true)
        connectionEnded()
    }

    func outputTaken(_ socket: PeerSocket) {
        for account in due where account.wholeAt < .distantFuture && account.arrivedAt == .distantFuture {
            account.arrivedAt = world.now
        }
    }
}
