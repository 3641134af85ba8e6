import Metering
import Pooling
package import ProxyTypes
import Reactor
import Resolving
import TLS
import Tuning

/// How long the parts of opening a connection took.
package struct DialTimes: Sendable {
    package var dns = Interval.zero
    package var connect = Interval.zero
    /// Without TLS: zero.
    package var tls = Interval.zero
}

struct DialledStream {
    let stream: any ByteStream
    let times: DialTimes
    let tls: TLSInfo?
    let source: AddressSource
    let attempts: [DialAttempt]
    /// The origin has asked for a client certificate, and there was none to show it.
    var wantsCertificate = false
}

/// Opens one connection: looks the name up, drops the addresses that may not be connected to, races the rest, and encrypts
/// what it has won where that is wanted. Reports its outcome once, always from the loop and never from within `start`; once
/// cancelled, never. Loop-bound.
///
/// ```
///          start              addresses            connected              handshake
/// created ──────▶ lookingUp ────────────▶ racing ────────────▶ encrypting ──────────▶ ended
///                     │ none, time-out       │ all failed       │ failed, time-out     ▲
///                     └────────▶ failed ◀────┴──────────────────┘       timer          │
///                                  └───────────────────────────────────────────────────┘
///
/// Without TLS `racing` leads to `ended`; `cancel` does from any state.
/// ```
final class Dial {
    typealias Completion = (Result<DialledStream, ProxyError>) -> Void

    private enum State {
        case created
        case lookingUp(since: Instant, Completion)
        case racing(AddressRace, dns: Interval, Completion)
        /// The timer reports it: whoever starts a dial is not ready for its end.
        case encrypting(Encrypting, Completion)
        case failed(ProxyError, Completion)
        case ended
    }

    /// What the connection carries.
    enum Protection {
        case none
        case tls(TLSProfile)
    }

    private struct Encrypting {
        let handshake: any TLSHandshake
        let since: Instant
        let times: DialTimes
    }

    let origin: Origin
    private let protection: Protection
    private let settings: EffectiveSettings
    private let loop: UpstreamLoop
    /// Connections of the pool at each address, dials under way included.
    private let load: AddressLoad
    let cause: DialCause
    private var state = State.created
    private let timer = Deadline()
    /// What the kernel refused of the settings, at the latest attempt.
    private(set) var refusals: [SocketTuning.Refusal] = []
    /// The path of an attempt for which no local port was free, where the dial failed for that.
    private(set) var pathWithoutPort: PortPath?
    /// Why there was no TLS, where that is why it failed.
    private(set) var tlsFailure: TLSFailure.Reason?
    private(set) var source = AddressSource.literal
    private(set) var attempts: [DialAttempt] = []
    /// Takes attempts that are still under way when another has opened.
    private let onOvertaken: ((any ByteStream) -> Void)?
    /// The address that it tries first, while it counts as a connection there.
    private var target: IPAddress?

    init(
        origin: Origin, protection: Protection = .none, settings: EffectiveSettings, loop: UpstreamLoop,
        load: AddressLoad = AddressLoad(), cause: DialCause = .demand,
        onOvertaken: ((any ByteStream) -> Void)? = nil
    ) {
        self.onOvertaken = onOvertaken
        self.load = load
        self.cause = cause
        self.protection = protection
        self.origin = origin
        self.settings = settings
        self.loop = loop
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    func start(_ completion: @escaping Completion) {
        guard case .created = state else { return Invariant.broken("a dial is started twice") }
        state = .lookingUp(since: loop.now, completion)
        if case .tls(let profile) = protection { loop.tls?.prepare(profile) }
        if let literal = IPAddress(origin.hostForLookup) {
            return resolved(.success(KnownAddresses([literal], .literal)))
        }
        if let known = loop.addresses.resolve(nameKey, NameLifetimes(settings), for: self) { return resolved(known) }
        wake(at: loop.now + settings.connectTimeout)
    }

    private var nameKey: NameKey { NameKey(origin.hostForLookup, settings.resolver) }

    /// The outcome is no longer wanted.
    func cancel() {
        switch state {
        case .lookingUp: loop.addresses.cancel(nameKey, for: self)
        case .racing(let race, _, _): race.cancel()
        #if CONND_PLANTED_FAULTS
            case .encrypting where PlantedFault.isActive(.handshakeOutlivesDial): break
        #endif
        case .encrypting(let encrypting, _): encrypting.handshake.cancel()
        case .created, .failed, .ended: break
        }
        end()
    }

    private func end() {
        state = .ended
        loop.timer.remove(timer)
        aim(at: nil)
    }

    private func aim(at address: IPAddress?) {
        if let target { load.remove(target) }
        target = address
        if let target { load.add(target) }
    }

    /// Makes sure that the dial is asked at `when` what is due.
    func wake(at when: Instant) {
        if when < .distantFuture { loop.timer.wake(timer, at: when) }
    }

    private func fail(_ error: ProxyError) {
        switch state {
        case .lookingUp(_, let completion), .racing(_, _, let completion), .encrypting(_, let completion):
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.failedDialNotTold) { return end() }
            #endif
            state = .failed(error, completion)
            aim(at: nil)
            wake(at: loop.now)
        case .created, .failed, .ended: Invariant.broken("a dial fails that is not under way")
        }
    }

    // MARK: The race

    func won(_ stream: any ByteStream, after connectTime: Interval) {
        guard case .racing(let race, let dnsTime, let completion) = state else {
            Invariant.broken("a race is won that is not under way")
            return stream.close()
        }
        refusals = race.refusals
        attempts = race.ended
        loop.timer.remove(timer)
        let times = DialTimes(dns: dnsTime, connect: connectTime)
        switch protection {
        case .none:
            end()
            completion(
                .success(DialledStream(stream: stream, times: times, tls: nil, source: source, attempts: attempts)))
        case .tls(let profile): encrypt(stream, profile, times)
        }
    }

    func overtaken(_ stream: any ByteStream) {
        if let onOvertaken { onOvertaken(stream) } else { stream.close() }
    }

    func lost(_ error: ProxyError) {
        if case .racing(let race, _, _) = state {
            refusals = race.refusals
            attempts = race.ended
            pathWithoutPort = race.pathWithoutPort
        }
        fail(error)
    }

    // MARK: TLS

    private func encrypt(_ stream: any ByteStream, _ profile: TLSProfile, _ times: DialTimes) {
        guard case .racing(_, _, let completion) = state else { return }
        guard let tls = loop.tls, let endpoint = stream.remoteEndpoint else {
            stream.close()
            return fail(ProxyError(.connectionTerminated, detail: "\(origin) closed the connection at once"))
        }
        let peer = TLSPeer(host: origin.hostForLookup, endpoint: endpoint, profile: profile)
        let handshake = tls.startHandshake(over: stream, with: peer) { [weak self] in self?.encrypted($0) }
        state = .encrypting(Encrypting(handshake: handshake, since: loop.now, times: times), completion)
        wake(at: loop.now + settings.tlsTimeout)
    }

    private func encrypted(_ result: Result<TLSConnection, TLSFailure>) {
        guard case .encrypting(let encrypting, let completion) = state else {
            return Invariant.broken("a handshake ends that is not under way")
        }
        switch result {
        case .success(let connection):
            end()
            var times = encrypting.times
            times.tls = loop.now - encrypting.since
            let dialled = DialledStream(
                stream: connection.stream, times: times, tls: connection.info, source: source, attempts: attempts,
                wantsCertificate: connection.wantsCertificate)
            completion(.success(dialled))
        case .failure(let failure): fail(failure)
        }
    }

    private func fail(_ failure: TLSFailure) {
        tlsFailure = failure.reason
        fail(ProxyError(failure.reason.errorKind, detail: "TLS with \(origin) failed: \(failure.detail)"))
    }

    // MARK: Addresses

    /// Those that may be connected to, or why there are none.
    private func permitted(of addresses: [IPAddress]) -> Result<[IPAddress], ProxyError> {
        let fitting =
            switch settings.ipFamily {
            case .any: addresses
            case .ipv4: addresses.filter { $0.family == .ipv4 }
            case .ipv6: addresses.filter { $0.family == .ipv6 }
            }
        guard !fitting.isEmpty else {
            let family = settings.ipFamily == .ipv4 ? "IPv4" : "IPv6"
            let text = "\(origin.host) has no \(family) address, and ip_family allows no other"
            return .failure(ProxyError(.destinationUnavailable, detail: text))
        }
        guard let policy = loop.addressPolicy else { return .success(fitting) }
        func verdict(on address: IPAddress) -> AddressVerdict {
            policy.verdict(on: address, port: origin.port, of: origin)
        }
        if fitting.allSatisfy({ verdict(on: $0) == .allowed }) { return .success(fitting) }
        let allowed = fitting.filter { verdict(on: $0) == .allowed }
        guard allowed.isEmpty else { return .success(allowed) }
        if fitting.contains(where: { verdict(on: $0) == .loop }) {
            return .failure(ProxyError(.proxyLoopDetected, detail: "\(origin) is connd's own listener"))
        }
        let shown = 8
        let list = fitting.prefix(shown).map(\.description).joined(separator: ", ")
        let more = fitting.count > shown ? " and \(fitting.count - shown) more" : ""
        let text = "\(origin.host) is at \(list)\(more), which proxy.deny or proxy.allow forbids"
        return .failure(ProxyError(.destinationIPProhibited, detail: text))
    }
}

extension Dial: AddressWaiter {
    func resolved(_ result: Result<KnownAddresses, ProxyError>) {
        guard case .lookingUp(let since, let completion) = state else {
            return Invariant.broken("addresses for a dial that does not wait for any")
        }
        if case .success(let known) = result { source = known.source }
        switch result.flatMap({ permitted(of: $0.addresses) }) {
        case .success(let addresses):
            loop.checkNetwork()
            let now = loop.now
            let order = DialOrder(addresses, settings.addressOrder, connections: load.connections) { address in
                loop.addressHealth.isLastResort(Endpoint(address: address, port: origin.port), now: now)
            }
            aim(at: order.addresses.first)
            let race = AddressRace(order, of: self, to: origin, settings, loop)
            state = .racing(race, dns: loop.now - since, completion)
            race.start()
        case .failure(let error): fail(error)
        }
    }
}

extension Dial: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        switch state {
        case .lookingUp(let since, _):
            let due = since + settings.connectTimeout
            guard now >= due else { return due }
            loop.addresses.cancel(nameKey, for: self)
            fail(ProxyError(.dnsTimeout, detail: "the look-up of \(origin.hostForLookup) took too long"))
        case .racing(let race, _, _): race.deadlineReached(now: now)
        case .encrypting(let encrypting, _):
            let due = encrypting.since + settings.tlsTimeout
            guard now >= due else { return due }
            encrypting.handshake.cancel()
            let limit = settings.tlsTimeout.wholeMilliseconds
            fail(TLSFailure(.timedOut, "the origin did not finish the handshake within tls_timeout (\(limit) ms)"))
        case .failed(let error, let completion):
            end()
            completion(.failure(error))
        case .created, .ended: break
        }
        // What is due next has set the timer itself.
        return .distantFuture
    }
}

extension NameLifetimes {
    init(_ settings: EffectiveSettings) {
        self.init(minTTL: settings.dnsMinTTL, maxTTL: settings.dnsMaxTTL, stale: settings.dnsServeStale)
    }
}

/// How many connections of one pool are open to each address, or aimed at it. Loop-bound.
final class AddressLoad {
    private(set) var connections: [IPAddress: Int] = [:]

    func add(_ address: IPAddress) { connections[address, default: 0] += 1 }

    func remove(_ address: IPAddress) {
        guard let count = connections[address] else { return Invariant.broken("an address has no connections") }
        connections[address] = count > 1 ? count - 1 : nil
    }
}
