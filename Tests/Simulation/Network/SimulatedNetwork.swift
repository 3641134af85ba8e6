import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// Hosts, connections between them, and time: everything outside the proxy. One thread, one seed, no real clock.
final class SimulatedNetwork {
    private(set) var now = Instant(nanoseconds: 1_000_000_000_000)
    /// For the network only. Scripts have their own, so that leaving some out changes the rest of a run as little as
    /// possible.
    var random: SeededRandom
    let trace: Trace
    var queue = EventQueue()
    var links: [Link?] = []
    private var paths: [Endpoint: PathState] = [:]
    private var listeners: [Endpoint: any NetworkListener] = [:]
    private var names: [Endpoint: String] = [:]
    private var nextPort: UInt16 = 32768
    private var nextNumber = 0

    init(seed: UInt64, trace: Trace) {
        random = SeededRandom(seed: seed)
        self.trace = trace
        trace.setTime(now)
    }

    // MARK: Time

    var nextEvent: Instant? { queue.next }

    @discardableResult
    func schedule(after delay: Interval, _ work: @escaping () -> Void) -> EventID {
        queue.add(work, at: now + delay)
    }

    func cancel(_ id: EventID) { queue.cancel(id) }

    /// Performs the next event if it is due by `limit`. False if none is.
    func step(until limit: Instant) -> Bool {
        guard let event = queue.pop(until: limit) else { return false }
        advance(to: event.time)
        switch event.target {
        case .arrival(let index, let fromDialler):
            if let link = links[Int(index)] { arrived(link, link.end(dialler: fromDialler)) }
        case .dialled(let index):
            if let link = links[Int(index)] { dialled(link) }
        case .accepted(let index):
            if let link = links[Int(index)] { accepted(link) }
        case .givenUp(let index, let fromDialler, let attempt):
            if let link = links[Int(index)] { givenUp(link, link.end(dialler: fromDialler), attempt) }
        case .work(let slot, let generation):
            guard let work = queue.takeWork(slot: slot, generation: generation) else { return true }
            trace.events += 1
            work()
        }
        return true
    }

    /// Does nothing if `time` has passed.
    func advance(to time: Instant) {
        guard time > now else { return }
        now = time
        trace.setTime(time)
    }

    // MARK: Endpoints

    func setPath(_ path: Path, to endpoint: Endpoint) {
        let state = pathState(to: endpoint)
        state.path = path
        guard !path.isSilent else { return }
        let parked = state.parked
        state.parked.removeAll()
        for index in parked {
            guard let link = links[Int(index)], !link.isSilent else { continue }
            for end in [link.dialler, link.acceptor] where end.output.silenceMet != nil {
                end.output.silenceMet = nil
                queue.add(.arrival(link: index, fromDialler: end.isDialler), at: now + latency(path))
            }
        }
    }

    func path(to endpoint: Endpoint) -> Path { pathState(to: endpoint).path }

    private func pathState(to endpoint: Endpoint) -> PathState {
        if let state = paths[endpoint] { return state }
        let state = PathState(Path())
        paths[endpoint] = state
        return state
    }

    /// For the trace.
    func setName(_ name: String, of endpoint: Endpoint) { names[endpoint] = name }

    func name(of endpoint: Endpoint) -> String {
        if let name = names[endpoint] { return name }
        if let name = names[Endpoint(address: endpoint.address, port: 0)] { return "\(name):\(endpoint.port)" }
        return endpoint.description
    }

    func listener(at endpoint: Endpoint) -> (any NetworkListener)? { listeners[endpoint] }

    func setListener(_ listener: (any NetworkListener)?, at endpoint: Endpoint) { listeners[endpoint] = listener }

    func newNumber() -> Int {
        nextNumber += 1
        return nextNumber
    }

    // MARK: Opening

    /// Starts a connection attempt; the owner of the dialling end is notified of its outcome.
    func dial(from address: IPAddress, to endpoint: Endpoint) -> Link {
        nextPort = nextPort == .max ? 32768 : nextPort + 1
        let local = Endpoint(address: address, port: nextPort)
        let state = pathState(to: endpoint)
        let link = Link(index: Int32(links.count), path: state, from: local, to: endpoint, now: now)
        links.append(link)
        let path = state.path
        switch path.connecting {
        case .blackHole: break
        case .timesOut(let delay): queue.add(.dialled(link: link.index), at: now + delay)
        case .open, .refused, .hostUnreachable, .unreachable, .noLocalPort:
            queue.add(.dialled(link: link.index), at: now + latency(path) + latency(path))
        }
        return link
    }

    private func dialled(_ link: Link) {
        trace.events += 1
        let end = link.dialler
        guard case .connecting = end.phase else {
            link.phase = .failed
            return retire(link)
        }
        let path = link.path.path
        let code: CInt
        switch path.connecting {
        case .timesOut: code = ETIMEDOUT
        case .refused: code = ECONNREFUSED
        case .hostUnreachable: code = EHOSTUNREACH
        case .blackHole: return
        case .open, .unreachable, .noLocalPort:
            if path.isSilent {
                guard now - link.dialledAt >= .seconds(127) else {
                    return queue.add(.dialled(link: link.index), at: now + .seconds(1))
                }
                code = ETIMEDOUT
            } else {
                code = listener(at: end.remote) == nil ? ECONNREFUSED : 0
            }
        }
        settle(link, code)
    }

    /// The dialling side learns its outcome.
    func settle(_ link: Link, _ code: CInt) {
        let end = link.dialler
        trace.mix(Int(link.index) << 8 | Int(code))
        trace.note(name(of: end.local)) {
            code == 0
                ? "is connected to \(name(of: end.remote))"
                : "is not connected to \(name(of: end.remote)): \(String(cString: strerror(code)))"
        }
        if code == 0 {
            link.phase = .dialled
            end.phase = .established
            queue.add(.accepted(link: link.index), at: now + latency(link.path.path))
        } else {
            link.phase = .failed
            end.phase = .dead
            end.pendingError = code
            link.acceptor.phase = .released
        }
        switch end.owner {
        case .kernel(let socket): socket.wake()
        case .peer(let peer): peer.dialled(code)
        case .nobody: break
        }
    }

    private func accepted(_ link: Link) {
        trace.events += 1
        let end = link.acceptor
        link.phase = .open
        end.phase = .established
        if let listener = listener(at: end.local) {
            listener.arrived(link)
        } else {
            release(link, end, withReset: true)
        }
        pump(link, link.dialler)
        retire(link)
    }

    func latency(_ path: Path) -> Interval {
        let span = Int(path.maxLatency.nanoseconds - path.minLatency.nanoseconds)
        return path.minLatency + Interval(nanoseconds: Int64(random.below(span + 1)))
    }

    /// Forgets a connection that is over.
    func retire(_ link: Link) {
        let isFailed: Bool
        switch link.phase {
        case .failed: isFailed = true
        case .dialling, .dialled, .open: isFailed = false
        }
        guard isFailed ? link.dialler.isReleased : link.isOver else { return }
        links[Int(link.index)] = nil
    }

    /// After a run: breaks the references between hosts and scripts.
    func tearDown() {
        for link in links {
            guard let link else { continue }
            for end in [link.dialler, link.acceptor] {
                if case .peer(let peer) = end.owner { peer.tearDown() }
                end.owner = .nobody
            }
        }
        links.removeAll()
        listeners.removeAll()
        queue = EventQueue()
    }

    /// How many connections at least one host still holds.
    var openLinks: Int { links.count { $0 != nil } }
}

/// A listening socket of a host.
protocol NetworkListener: AnyObject {
    func arrived(_ link: Link)
}

extension End {
    var isReleased: Bool { if case .released = phase { true } else { false } }
}
