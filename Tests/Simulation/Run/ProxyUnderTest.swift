import ForwardProxy
import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Resolving
import Tuning
import Upstream

/// The real data path, from listener to origin, on a simulated kernel, and the orders that the daemon gives it.
final class ProxyUnderTest {
    let network: SimulatedNetwork
    let kernel: SimulatedKernel
    let reactor: Reactor
    let upstream: UpstreamLoop
    let loop: ProxyLoop
    let tls: WatchedTLS
    /// The shutdown sequence, once a stop was ordered.
    private(set) var shutdown: Shutdown?

    /// `resolve` must call its completion later, from an event of the network.
    init(
        _ network: SimulatedNetwork, _ kernel: SimulatedKernel, _ ledger: TLSLedger, configuration: ProxyConfiguration,
        seed: UInt64,
        settings: @escaping (Origin) -> EffectiveSettings,
        resolve: @escaping (String, @escaping (NameAnswer) -> Void) -> Void
    ) {
        self.network = network
        self.kernel = kernel
        reactor = Reactor(kernel: kernel, readSize: configuration.maxBuffer)
        let settings = SingleThreaded(settings)
        upstream = UpstreamLoop(
            reactor: reactor, resolver: Resolver(resolve),
            total: ConnectionBudget(limit: configuration.maxUpstreamConnections),
            headLimits: configuration.headLimits, seed: seed, settings: { settings.value($0) })
        tls = WatchedTLS(reactor, ledger)
        upstream.tls = tls
        loop = ProxyLoop(configuration: configuration, upstream: upstream, accessLog: nil, pseudonym: "connd-simulated")
    }

    /// Runs one round of the loop, in which time passes until there is something to do (`SimulatedKernel.isAtRest`).
    func turn() { reactor.turn() }

    var isStopped: Bool { shutdown?.isOver ?? false }
    var isStopping: Bool { shutdown != nil }

    // MARK: Listeners

    /// `isInherited`: a socket unit holds the socket too, so that it outlives the proxy's use of it.
    @discardableResult
    func listen(at endpoint: Endpoint = .proxy, isInherited: Bool = false) -> Bool {
        let descriptor = kernel.listen(at: endpoint)
        guard descriptor >= 0 else { return false }
        let address = ListenAddress.tcp(endpoint.address, port: endpoint.port)
        let socket = ListeningSocket(address: address, descriptor: descriptor, isInherited: isInherited)
        do {
            try loop.listen(on: socket)
            return true
        } catch {
            return false
        }
    }

    func stopListening(at endpoint: Endpoint) {
        loop.stopListening(on: .tcp(endpoint.address, port: endpoint.port))
    }

    // MARK: Orders

    /// Sends an order through the mailbox, as the control plane does. It is carried out in a later round.
    func order(_ work: @escaping (ProxyLoop) -> Void) {
        let bound = SingleThreaded((work, loop))
        reactor.mailbox.execute { bound.value.0(bound.value.1) }
    }

    /// An order of an operator that concerns one origin.
    enum OriginOrder {
        case drain, reconnect, pause, resume, forget
        case prewarm(Int)
        case apply(EffectiveSettings)
    }

    func order(_ order: OriginOrder, _ origin: Origin) {
        self.order { loop in
            let upstream = loop.upstream
            switch order {
            case .pause: upstream.pool(for: origin).pause(now: upstream.now)
            case .resume: upstream.existingPool(for: origin)?.resume(now: upstream.now)
            case .drain: _ = upstream.existingPool(for: origin)?.drain(now: upstream.now)
            case .reconnect: _ = upstream.existingPool(for: origin)?.reconnect(now: upstream.now)
            case .prewarm(let count): _ = upstream.pool(for: origin).prewarm(count, now: upstream.now)
            case .apply(let settings): upstream.apply([(origin, settings)])
            case .forget:
                let isPaused = upstream.existingPool(for: origin)?.isPaused ?? false
                guard upstream.forget(origin), isPaused else { return }
                upstream.pool(for: origin).pause(now: upstream.now)
            }
        }
    }

    func apply(_ configuration: ProxyConfiguration) { order { $0.apply(configuration) } }

    /// As on SIGTERM; a second call stops immediately.
    func stop(grace: Interval) {
        order { [self] loop in
            if let shutdown { return shutdown.stopAtOnce() }
            let shutdown = Shutdown(of: loop, grace: grace) { _ in }
            self.shutdown = shutdown
            shutdown.begin()
        }
    }
}

/// Carries a value that is not Sendable into a closure that must be. Shared.
///
/// Unchecked because a simulation has one thread.
struct SingleThreaded<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
