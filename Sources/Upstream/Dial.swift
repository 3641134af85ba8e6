import CLinux
import Metering
import Pooling
package import ProxyTypes
import Reactor
import Tuning

#if canImport(Glibc)
    import Glibc
#endif

/// How long the parts of opening a connection took.
package struct DialTimes: Sendable {
    package var dns = Interval.zero
    package var connect = Interval.zero
}

struct DialledStream {
    let stream: any ByteStream
    let times: DialTimes
}

/// Opens one connection: looks the name up, drops the addresses that may not be connected to, and races the rest. The race
/// itself is decided by DialRace. Answers once, never from within `start`. Loop-bound.
final class Dial {
    typealias Completion = (Result<DialledStream, ProxyError>) -> Void

    private let origin: Origin
    private let settings: EffectiveSettings
    private let loop: UpstreamLoop
    let cause: DialCause
    private var completion: Completion?
    private var addresses: [IPAddress] = []
    private var attempts: [Int: DialAttempt] = [:]
    private var race: DialRace?
    private var actions: [DialRace.Action] = []
    private var isPerforming = false
    private(set) var startedAt = Instant.zero
    private var connectingSince = Instant.zero
    private var timer: Deadline?
    private var firstError: ProxyError?
    /// Of its latest attempt.
    private(set) var refusals: [SocketTuning.Refusal] = []

    init(origin: Origin, settings: EffectiveSettings, loop: UpstreamLoop, cause: DialCause = .demand) {
        self.cause = cause
        self.origin = origin
        self.settings = settings
        self.loop = loop
    }

    deinit {
        timer?.owner = nil
    }

    func start(_ completion: @escaping Completion) {
        self.completion = completion
        startedAt = loop.now
        if let literal = IPAddress(origin.hostForLookup) { return connect(to: [literal]) }
        let lifetimes = AddressCache.Lifetimes(
            fresh: settings.dnsMinTTL, stale: settings.dnsServeStale, timeout: settings.connectTimeout)
        loop.addresses.resolve(origin.hostForLookup, lifetimes) { [self] result in
            switch result {
            case .success(let addresses): connect(to: addresses)
            case .failure(let error): finish(.failure(error))
            }
        }
    }

    /// Nobody wants the outcome any more.
    func cancel() {
        completion = nil
        end()
    }

    private func connect(to resolved: [IPAddress]) {
        guard completion != nil else { return }
        connectingSince = loop.now
        let fitting = resolved.filter { address in
            switch settings.ipFamily {
            case .any: true
            case .ipv4: address.family == .ipv4
            case .ipv6: address.family == .ipv6
            }
        }
        guard !fitting.isEmpty else {
            let family = settings.ipFamily == .ipv4 ? "IPv4" : "IPv6"
            let text = "\(origin.host) has no \(family) address, and ip_family allows no other"
            return finish(.failure(ProxyError(.destinationUnavailable, detail: text)))
        }
        var loops = false
        addresses = fitting.filter { address in
            switch loop.addressPolicy?.verdict(on: address, port: origin.port, of: origin) {
            case .allowed, nil: return true
            case .denied: return false
            case .loop:
                loops = true
                return false
            }
        }
        guard !addresses.isEmpty else { return finish(.failure(refusal(of: fitting, loops: loops))) }
        let families = addresses.map { $0.family == .ipv6 ? DialRace.Family.ipv6 : .ipv4 }
        race = DialRace(families: families, delay: settings.happyEyeballsDelay)
        race?.start(now: connectingSince, into: &actions)
        perform()
    }

    private func refusal(of addresses: [IPAddress], loops: Bool) -> ProxyError {
        if loops {
            return ProxyError(.proxyLoopDetected, detail: "\(origin) is connd's own listener")
        }
        let list = addresses.map(\.description).joined(separator: ", ")
        let text = "\(origin.host) is at \(list), which proxy.deny or proxy.allow forbids"
        return ProxyError(.destinationIPProhibited, detail: text)
    }

    // MARK: The race

    private func perform() {
        guard !isPerforming else { return }
        isPerforming = true
        var index = 0
        while index < actions.count {
            let action = actions[index]
            index += 1
            switch action {
            case .attempt(let address): attempt(address)
            case .cancel(let address): attempts.removeValue(forKey: address)?.stream?.close()
            case .won(let address): won(address)
            case .allFailed:
                let error = firstError ?? ProxyError(.destinationUnavailable, detail: "\(origin) could not be reached")
                finish(.failure(error))
            }
        }
        actions.removeAll(keepingCapacity: true)
        isPerforming = false
        guard completion != nil, let next = race?.nextDeadline else { return }
        wake(at: min(next, attempts.values.lazy.map(\.expires).min() ?? .distantFuture))
    }

    private func wake(at when: Instant) {
        guard when < .distantFuture else { return }
        let timer = timer ?? Deadline(owner: self)
        self.timer = timer
        loop.timer.wake(timer, at: when)
    }

    private func attempt(_ index: Int) {
        let address = addresses[index]
        let attempt = DialAttempt(dial: self, index: index, expires: loop.now + settings.connectTimeout)
        do {
            attempt.stream = try open(Endpoint(address: address, port: origin.port), attempt)
            attempts[index] = attempt
        } catch {
            failed(index, error.code)
        }
    }

    /// Where descriptors are short, an idle connection's is taken.
    private func open(_ endpoint: Endpoint, _ attempt: DialAttempt) throws(SystemError) -> any ByteStream {
        do {
            return try connect(endpoint, attempt)
        } catch {
            guard error.code == EMFILE || error.code == ENFILE, loop.relieveDescriptorPressure() else { throw error }
            return try connect(endpoint, attempt)
        }
    }

    private func connect(_ endpoint: Endpoint, _ attempt: DialAttempt) throws(SystemError) -> any ByteStream {
        var refused: [SocketOptions.Refusal] = []
        defer { refusals = SocketTuning.refusals(refused) }
        return try loop.reactor.connect(
            to: endpoint, from: settings.sourceAddress.first { $0.family == endpoint.address.family },
            options: SocketTuning.options(settings), refusals: &refused, handler: attempt)
    }

    fileprivate func connected(_ index: Int) {
        race?.attemptSucceeded(index, now: loop.now, into: &actions)
        perform()
    }

    fileprivate func failed(_ index: Int, _ code: CInt) {
        attempts[index] = nil
        guard completion != nil else { return }
        firstError = firstError ?? describe(code, address: addresses[index])
        race?.attemptFailed(index, now: loop.now, into: &actions)
        perform()
    }

    private func won(_ index: Int) {
        guard let stream = attempts.removeValue(forKey: index)?.stream, stream.isOpen else {
            return finish(.failure(ProxyError(.connectionTerminated, detail: "the connection closed as it was opened")))
        }
        let times = DialTimes(dns: connectingSince - startedAt, connect: loop.now - connectingSince)
        finish(.success(DialledStream(stream: stream, times: times)))
    }

    /// Not from within `start`: whoever starts a dial is not ready for its end.
    private func finish(_ result: Result<DialledStream, ProxyError>) {
        guard let completion else { return }
        self.completion = nil
        end()
        guard case .failure = result else { return completion(result) }
        let held = LoopBound((completion, result), on: loop.reactor)
        loop.reactor.mailbox.execute { held.value.0(held.value.1) }
    }

    private func end() {
        if let timer { loop.timer.remove(timer) }
        for attempt in attempts.values { attempt.stream?.close() }
        attempts.removeAll()
    }

    private func describe(_ code: CInt, address: IPAddress) -> ProxyError {
        let place = "\(address.bracketed):\(origin.port)"
        switch code {
        case 0:
            let text =
                "\(place) did not answer within connect_timeout (\(settings.connectTimeout.wholeMilliseconds) ms)"
            return ProxyError(.connectionTimeout, detail: text)
        case ECONNREFUSED:
            return ProxyError(.connectionRefused, detail: "\(place) refused the connection")
        case ETIMEDOUT:
            return ProxyError(.connectionTimeout, detail: "\(place) did not answer")
        case ECONNRESET:
            return ProxyError(.connectionTerminated, detail: "\(place) reset the connection at once")
        case EADDRNOTAVAIL:
            let text = "no local address or port is left for \(place) (source_address, ip_local_port_range)"
            return ProxyError(.destinationUnavailable, detail: text)
        case EMFILE, ENFILE:
            return ProxyError(.connectionLimitReached, detail: "connd is out of file descriptors")
        default:
            let text = "connecting to \(place) failed: \(String(cString: strerror(code)))"
            return ProxyError(.destinationUnavailable, detail: text)
        }
    }
}

extension Dial: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        guard completion != nil else { return .distantFuture }
        for (index, attempt) in attempts where attempt.expires <= now {
            attempt.stream?.close()
            failed(index, 0)
        }
        race?.deadlineReached(now: now, into: &actions)
        perform()
        guard completion != nil else { return .distantFuture }
        return min(race?.nextDeadline ?? .distantFuture, attempts.values.lazy.map(\.expires).min() ?? .distantFuture)
    }
}

/// One address of a race. Loop-bound.
private final class DialAttempt: StreamHandler {
    private unowned let dial: Dial
    private let index: Int
    let expires: Instant
    var stream: (any ByteStream)?

    init(dial: Dial, index: Int, expires: Instant) {
        self.dial = dial
        self.index = index
        self.expires = expires
    }

    func connected() { dial.connected(index) }
    func failed(_ code: CInt) { dial.failed(index, code) }

    // Before it is won a stream brings nothing: the winner's handler is set within `connected`.
    func received(_ bytes: UnsafeRawBufferPointer) {}
    func inputEnded() {}
    func outputDrained() {}
}
