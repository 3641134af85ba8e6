import CLinux
import NIOCore
import NIOPosix
import Pooling
package import ProxyTypes
import Tuning

/// How long the parts of opening a connection took.
package struct DialTimes: Sendable {
    package var dns = Interval.zero
    package var connect = Interval.zero
}

struct DialledChannel {
    let channel: any Channel
    let descriptor: CInt
    let times: DialTimes
}

/// Opens one connection: looks the name up, drops the addresses that may not be connected to, and races the rest. The race
/// itself is decided by DialRace. Answers once, on the loop. Loop-bound.
final class Dial {
    typealias Completion = (Result<DialledChannel, ProxyError>) -> Void

    private let origin: Origin
    private let settings: EffectiveSettings
    private let loop: UpstreamLoop
    private var completion: Completion?
    private var addresses: [IPAddress] = []
    private var attempts: [Int: any Channel] = [:]
    private var cancelled: Set<Int> = []
    private var race: DialRace?
    private var actions: [DialRace.Action] = []
    private var isPerforming = false
    private var startedAt = Instant.zero
    private var connectingSince = Instant.zero
    private var timer: Deadline?
    private var firstError: ProxyError?

    init(origin: Origin, settings: EffectiveSettings, loop: UpstreamLoop) {
        self.origin = origin
        self.settings = settings
        self.loop = loop
    }

    func start(_ completion: @escaping Completion) {
        self.completion = completion
        startedAt = loop.timer.now()
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
        connectingSince = loop.timer.now()
        let fitting = resolved.filter { address in
            switch settings.ipFamily {
            case .any: true
            case .ipv4: address.family == .ipv4
            case .ipv6: address.family == .ipv6
            }
        }
        guard !fitting.isEmpty else {
            let text = "\(origin.host) has no \(settings.ipFamily == .ipv4 ? "IPv4" : "IPv6") address, and ip_family allows no other"
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
            let text = "\(origin) is connd's own listener"
            return ProxyError(.proxyLoopDetected, side: .ours, detail: text)
        }
        let list = addresses.map(\.description).joined(separator: ", ")
        return ProxyError(
            .destinationIPProhibited, side: .ours, detail: "\(origin.host) is at \(list), which proxy.deny or proxy.allow forbids")
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
            case .cancel(let address):
                cancelled.insert(address)
                attempts.removeValue(forKey: address)?.close(promise: nil)
            case .won(let address): won(address)
            case .allFailed:
                let error = firstError ?? ProxyError(.destinationUnavailable, detail: "\(origin) could not be reached")
                finish(.failure(error))
            }
        }
        actions.removeAll(keepingCapacity: true)
        isPerforming = false
        guard completion != nil, let next = race?.nextDeadline, next < .distantFuture else { return }
        let timer = timer ?? Deadline(owner: self)
        self.timer = timer
        loop.timer.wake(timer, at: next)
    }

    private func attempt(_ index: Int) {
        let address = addresses[index]
        guard let target = SocketAddress(address, port: origin.port) else {
            race?.attemptFailed(index, now: loop.timer.now(), into: &actions)
            return
        }
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        bootstrap(for: address) { channel in bound.value.attempts[index] = channel }
            .connect(to: target).whenComplete { result in
                let dial = bound.value
                switch result {
                case .success(let channel): dial.connected(index, channel)
                case .failure(let error): dial.failed(index, error)
                }
            }
    }

    private func bootstrap(
        for address: IPAddress, opened: @escaping @Sendable (any Channel) -> Void
    ) -> ClientBootstrap {
        let settings = settings
        // Reading stops below what the client side may hold, so that one read more still fits.
        let high = max(loop.maxBuffer / 2, 16 * 1024)
        var bootstrap = ClientBootstrap(group: loop.eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.recvAllocator, value: ReadSizes.upstream)
            .channelOption(.writeBufferWaterMark, value: .init(low: high / 2, high: high))
            .connectTimeout(.nanoseconds(settings.connectTimeout.nanoseconds))
            .channelInitializer { channel in
                opened(channel)
                if let descriptor = channel.descriptor { _ = SocketTuning.apply(settings, to: descriptor) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        if let source = settings.sourceAddress.first(where: { $0.family == address.family }),
            let local = SocketAddress(source, port: 0)
        {
            bootstrap = bootstrap.bind(to: local)
        }
        return bootstrap
    }

    private func connected(_ index: Int, _ channel: any Channel) {
        attempts[index] = channel
        guard completion != nil, !cancelled.contains(index) else {
            attempts[index] = nil
            return channel.close(promise: nil)
        }
        race?.attemptSucceeded(index, now: loop.timer.now(), into: &actions)
        perform()
    }

    private func failed(_ index: Int, _ error: any Error) {
        attempts[index] = nil
        guard completion != nil, !cancelled.contains(index) else { return }
        let described = describe(error, address: addresses[index])
        firstError = firstError ?? described
        race?.attemptFailed(index, now: loop.timer.now(), into: &actions)
        perform()
    }

    private func won(_ index: Int) {
        guard let channel = attempts.removeValue(forKey: index), let descriptor = channel.descriptor else {
            return finish(.failure(ProxyError(.connectionTerminated, detail: "the connection closed as it was opened")))
        }
        let now = loop.timer.now()
        let times = DialTimes(dns: connectingSince - startedAt, connect: now - connectingSince)
        finish(.success(DialledChannel(channel: channel, descriptor: descriptor, times: times)))
    }

    private func finish(_ result: Result<DialledChannel, ProxyError>) {
        guard let completion else { return }
        self.completion = nil
        end()
        completion(result)
    }

    private func end() {
        if let timer { loop.timer.remove(timer) }
        for (index, channel) in attempts {
            cancelled.insert(index)
            channel.close(promise: nil)
        }
        attempts.removeAll()
    }

    private func describe(_ error: any Error, address: IPAddress) -> ProxyError {
        let place = "\(address.bracketed):\(origin.port)"
        if let error = error as? ChannelError, case .connectTimeout = error {
            let text = "\(place) did not answer within connect_timeout (\(settings.connectTimeout.wholeMilliseconds) ms)"
            return ProxyError(.connectionTimeout, retry: .always, detail: text)
        }
        guard let error = error as? IOError else {
            return ProxyError(.destinationUnavailable, retry: .always, detail: "connecting to \(place) failed: \(error)")
        }
        switch error.errnoCode {
        case ECONNREFUSED:
            return ProxyError(.connectionRefused, retry: .always, detail: "\(place) refused the connection")
        case ETIMEDOUT:
            return ProxyError(.connectionTimeout, retry: .always, detail: "\(place) did not answer")
        case ECONNRESET:
            return ProxyError(.connectionTerminated, retry: .always, detail: "\(place) reset the connection at once")
        case EADDRNOTAVAIL:
            let text = "no local address or port is left for \(place) (source_address, ip_local_port_range)"
            return ProxyError(.destinationUnavailable, side: .ours, detail: text)
        case EMFILE, ENFILE:
            let text = "connd is out of file descriptors"
            return ProxyError(.connectionLimitReached, side: .ours, detail: text)
        default:
            let text = "connecting to \(place) failed: \(String(cString: strerror(error.errnoCode)))"
            return ProxyError(.destinationUnavailable, retry: .always, detail: text)
        }
    }
}

extension Dial: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        guard completion != nil else { return .distantFuture }
        race?.deadlineReached(now: now, into: &actions)
        perform()
        return race?.nextDeadline ?? .distantFuture
    }
}
