import Metering
import Pooling
import ProxyTypes
import Reactor
import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// Connects to the addresses of an origin at the times that DialRace decides, and keeps the first connection that opens.
/// Loop-bound.
final class AddressRace {
    private struct Attempt {
        let stream: any ByteStream
        let begin: Instant
        let expires: Instant
    }

    private unowned let dial: Dial
    private let origin: Origin
    private let settings: EffectiveSettings
    private let loop: UpstreamLoop
    private let startedAt: Instant
    private let order: DialOrder
    /// Of each address while it is being tried. Empty once the race is over.
    private var attempts: [Attempt?]
    private var race: DialRace
    private var actions: [DialRace.Action] = []
    /// The first is the most telling: it is the address that was preferred.
    private var firstError: ProxyError?
    /// What the kernel refused of the settings, at the latest attempt.
    private(set) var refusals: [SocketTuning.Refusal] = []
    /// Attempts that are over, in the order in which they ended; after the race, in the order in which they began.
    private(set) var ended: [DialAttempt] = []

    private static let maxEndedKept = 16
    /// The path of an attempt for which the kernel had no local port.
    private(set) var pathWithoutPort: PortPath?

    init(
        _ order: DialOrder, of dial: Dial, to origin: Origin, _ settings: EffectiveSettings, _ loop: UpstreamLoop
    ) {
        self.dial = dial
        self.origin = origin
        self.settings = settings
        self.loop = loop
        self.order = order
        startedAt = loop.now
        attempts = Array(repeating: nil, count: order.addresses.count)
        let families = order.addresses.map { $0.family == .ipv6 ? DialRace.Family.ipv6 : .ipv4 }
        race = DialRace(families: families, lastResorts: order.lastResorts, delay: settings.happyEyeballsDelay)
    }

    private var isOver: Bool { attempts.isEmpty }

    func start() {
        race.start(now: startedAt, into: &actions)
        perform()
    }

    func cancel() {
        for attempt in attempts { attempt?.stream.close() }
        attempts = []
        actions = []
    }

    func deadlineReached(now: Instant) {
        for index in attempts.indices {
            guard let attempt = attempts[index], attempt.expires <= now else { continue }
            attempt.stream.close()
            attemptFailed(index, .timedOut, error(0, at: order.addresses[index]))
        }
        race.deadlineReached(now: now, into: &actions)
        perform()
    }

    fileprivate func connected(_ index: Int) {
        race.attemptSucceeded(index, now: loop.now, into: &actions)
        perform()
    }

    fileprivate func failed(_ index: Int, _ code: CInt) {
        attemptFailed(index, Self.outcome(code), error(code, at: order.addresses[index]))
        perform()
    }

    private func attemptFailed(_ index: Int, _ outcome: DialAttempt.Outcome, _ error: ProxyError) {
        note(index, outcome, begin: attempts[index]?.begin ?? loop.now)
        attempts[index] = nil
        if firstError == nil { firstError = error }
        race.attemptFailed(index, now: loop.now, into: &actions)
    }

    /// An attempt that fails at once adds to the actions while they are performed.
    private func perform() {
        var outcome: Result<any ByteStream, ProxyError>?
        var next = 0
        while next < actions.count {
            let action = actions[next]
            next += 1
            switch action {
            case .attempt(let index): attempt(index)
            case .cancel(let index):
                if let attempt = attempts[index] {
                    note(index, .overtaken, begin: attempt.begin)
                    dial.overtaken(attempt.stream)
                }
                attempts[index] = nil
            case .won(let index):
                if let attempt = attempts[index] {
                    note(index, .connected, begin: attempt.begin)
                    outcome = .success(attempt.stream)
                }
                attempts[index] = nil
            case .allFailed:
                outcome = .failure(failure)
            }
        }
        actions.removeAll(keepingCapacity: true)
        if outcome != nil { report() }
        switch outcome {
        case .success(let stream):
            attempts = []
            dial.won(stream, after: loop.now - startedAt)
        case .failure(let error):
            attempts = []
            dial.lost(error)
        case nil where isOver: break
        case nil:
            let expires = attempts.lazy.compactMap { $0?.expires }.min() ?? .distantFuture
            dial.wake(at: min(race.nextDeadline, expires))
        }
    }

    // MARK: What became of them

    /// The first error, and what the other addresses said.
    private var failure: ProxyError {
        guard let error = firstError else {
            return ProxyError(.destinationUnavailable, detail: "\(origin) could not be reached")
        }
        let others = ended.dropFirst().prefix(Self.maxFailuresTold).map {
            "\($0.address.bracketed) \($0.outcome.words)"
        }
        guard !others.isEmpty else { return error }
        return ProxyError(error.kind, detail: error.detail + "; other addresses: " + others.joined(separator: ", "))
    }

    private static let maxFailuresTold = 3

    private func note(_ index: Int, _ outcome: DialAttempt.Outcome, begin: Instant) {
        guard ended.count < Self.maxEndedKept else { return }
        let isLastResort = index >= order.addresses.count - order.lastResorts
        ended.append(
            DialAttempt(
                address: order.addresses[index], begin: (begin - startedAt).microseconds,
                duration: (loop.now - begin).microseconds, outcome: outcome, wasLastResort: isLastResort))
    }

    /// Later dials try first what works. An address that was overtaken had as long as the race allows.
    private func report() {
        ended.sort { ($0.begin, $0.address) < ($1.begin, $1.address) }
        let now = loop.now
        let ipv4Worked = ended.contains { $0.outcome == .connected && $0.address.family == .ipv4 }
        for attempt in ended {
            let endpoint = Endpoint(address: attempt.address, port: origin.port)
            switch attempt.outcome {
            case .connected: loop.addressHealth.succeeded(endpoint, now: now)
            case .refused, .timedOut, .unreachable:
                loop.addressHealth.failed(endpoint, ipv4Worked: ipv4Worked, now: now)
            case .overtaken:
                let wasGivenItsTime = attempt.duration >= settings.happyEyeballsDelay.microseconds
                if wasGivenItsTime { loop.addressHealth.failed(endpoint, ipv4Worked: ipv4Worked, now: now) }
            // Of this host, such as a lack of descriptors.
            case .failed: break
            }
        }
    }

    private static func outcome(_ code: CInt) -> DialAttempt.Outcome {
        switch code {
        case 0, ETIMEDOUT: .timedOut
        case ECONNREFUSED, ECONNRESET: .refused
        case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN: .unreachable
        default: .failed
        }
    }

    // MARK: Attempts

    private func attempt(_ index: Int) {
        do {
            let endpoint = Endpoint(address: order.addresses[index], port: origin.port)
            let stream = try open(endpoint, AttemptHandler(race: self, index: index))
            // Making room for a descriptor may have ended the client that this dial is for.
            guard !isOver else { return stream.close() }
            attempts[index] = Attempt(stream: stream, begin: loop.now, expires: loop.now + settings.connectTimeout)
        } catch {
            guard !isOver else { return }
            let address = order.addresses[index]
            attemptFailed(
                index, Self.outcome(error.code),
                error.code == EADDRNOTAVAIL ? noLocalEnd(at: address) : self.error(error.code, at: address))
        }
    }

    /// Where descriptors are short, idle connections give theirs up.
    private func open(_ endpoint: Endpoint, _ handler: AttemptHandler) throws(SystemError) -> any ByteStream {
        do {
            return try connect(endpoint, handler)
        } catch {
            guard error.code == EMFILE || error.code == ENFILE, loop.relieveDescriptorPressure() else { throw error }
            return try connect(endpoint, handler)
        }
    }

    private func connect(_ endpoint: Endpoint, _ handler: AttemptHandler) throws(SystemError) -> any ByteStream {
        let sources = settings.sourceAddress.filter { $0.family == endpoint.address.family }
        for source in sources.dropLast() {
            do { return try connect(endpoint, from: source, handler) } catch {
                // Each address has ports of its own.
                guard error.code == EADDRNOTAVAIL else { throw error }
            }
        }
        return try connect(endpoint, from: sources.last, handler)
    }

    private func connect(
        _ endpoint: Endpoint, from source: IPAddress?, _ handler: AttemptHandler
    ) throws(SystemError) -> any ByteStream {
        var refused: [SocketOptions.Refusal] = []
        defer { refusals = SocketTuning.refusals(refused) }
        return try loop.reactor.connect(
            to: endpoint, from: source, options: SocketTuning.options(settings), refusals: &refused, handler: handler)
    }

    /// EADDRNOTAVAIL: the kernel does not say whether it lacks a port or an address.
    private func noLocalEnd(at address: IPAddress) -> ProxyError {
        let endpoint = "\(address.bracketed):\(origin.port)"
        let sources = settings.sourceAddress.filter { $0.family == address.family }
        let own = loop.reactor.interfaceAddresses()
        guard sources.isEmpty || sources.contains(where: own.contains) else {
            let text = "no address of source_address (\(Self.list(sources))) is an address of this host"
            return ProxyError(.destinationUnavailable, detail: text)
        }
        guard let source = sources.last ?? loop.reactor.source(for: address) else {
            let text = "this host has no address from which it reaches \(endpoint)"
            return ProxyError(.destinationUnavailable, detail: text)
        }
        pathWithoutPort = PortPath(source: source, destination: Endpoint(address: address, port: origin.port))
        let from = sources.isEmpty ? "" : " from \(Self.list(sources))"
        let text =
            "no local port is free\(from) for another connection to \(endpoint):"
            + " widen net.ipv4.ip_local_port_range, or give more addresses in source_address (connctl ports)"
        return ProxyError(.connectionLimitReached, detail: text)
    }

    private static func list(_ addresses: [IPAddress]) -> String {
        addresses.map(\.description).joined(separator: ", ")
    }

    /// `code` is 0 where there was no answer in time.
    private func error(_ code: CInt, at address: IPAddress) -> ProxyError {
        let endpoint = "\(address.bracketed):\(origin.port)"
        switch code {
        case 0:
            let text =
                "\(endpoint) did not answer within connect_timeout (\(settings.connectTimeout.wholeMilliseconds) ms)"
            return ProxyError(.connectionTimeout, detail: text)
        case ECONNREFUSED:
            return ProxyError(.connectionRefused, detail: "\(endpoint) refused the connection")
        case ETIMEDOUT:
            return ProxyError(.connectionTimeout, detail: "\(endpoint) did not answer")
        case ECONNRESET:
            return ProxyError(.connectionTerminated, detail: "\(endpoint) reset the connection at once")
        case EMFILE, ENFILE:
            return ProxyError(.connectionLimitReached, detail: "connd is out of file descriptors")
        default:
            let text = "connecting to \(endpoint) failed: \(String(cString: strerror(code)))"
            return ProxyError(.destinationUnavailable, detail: text)
        }
    }
}

/// One attempt's part of the race. Its stream holds it until the stream closes or is won. Loop-bound.
private final class AttemptHandler: StreamHandler {
    private unowned let race: AddressRace
    private let index: Int

    init(race: AddressRace, index: Int) {
        self.race = race
        self.index = index
    }

    func connected() { race.connected(index) }
    func closed(_ cause: StreamEnd) {
        switch cause {
        case .failure(let code): race.failed(index, code)
        case .outputDone, .tls: Invariant.broken("a stream that was not open yet")
        }
    }

    // Nothing else comes before `connected`, within which the winner's stream gets another handler.
    func received(_ bytes: UnsafeRawBufferPointer) {}
    func inputEnded() {}
    func outputDrained() {}
}
