import ForwardProxy
import HTTPWire
import Metering
import ProxyTypes
import Resolving
import Tuning
import Upstream

/// The result of one run.
struct Verdict {
    var violations: [Violation]
    let events: Int
    let trace: Trace
    let census: Census
}

/// How often each outcome occurred, which shows whether a scenario exercises what it is meant to. Value.
struct Census {
    var answered = 0, refused = 0, cut = 0, unanswered = 0, abandoned = 0, tunnels = 0, pending = 0
    var sightings = 0, resent = 0

    static func += (a: inout Census, b: Census) {
        a.answered += b.answered
        a.refused += b.refused
        a.cut += b.cut
        a.unanswered += b.unanswered
        a.abandoned += b.abandoned
        a.tunnels += b.tunnels
        a.pending += b.pending
        a.sightings += b.sightings
        a.resent += b.resent
    }
}

/// One run of a scenario: connd's data path in a network of scripted clients and origins, watched by an oracle of its
/// own.
final class World {
    let scenario: Scenario
    let network: SimulatedNetwork
    let kernel: SimulatedKernel
    private(set) var proxy: ProxyUnderTest?
    let ledger: Ledger
    private(set) var tls: TLSLedger
    private(set) var origins: [OriginMachine] = []
    private(set) var clients: [ClientMachine] = []
    var configuration: ProxyConfiguration
    let settings: SettingsInForce
    /// When unsolicited bytes of origins had arrived, by connection.
    private(set) var unsolicitedArrivals: [Int: Instant] = [:]
    private(set) var violations: [Violation] = []
    /// Once the run is over.
    private(set) var remains: Remains?
    private var connectionNumber = 0
    /// Where clients connect; nil once nothing listens.
    var listenerEndpoint: Endpoint? = .proxy
    /// Whether connd was ordered to stop.
    var isStopping = false
    private var watch: LimitWatch?
    private var buffers: BufferWatch?
    let hasPipelines: Bool
    let hasListenerChanges: Bool
    private let begin: Instant
    private let brokenBefore = Invariant.brokenCount

    init(_ scenario: Scenario, tracing: Bool) {
        self.scenario = scenario
        let trace = Trace(isKept: tracing)
        network = SimulatedNetwork(seed: scenario.seed, trace: trace)
        kernel = SimulatedKernel(network)
        begin = network.now
        ledger = Ledger(scenario)
        tls = TLSLedger(kernel)
        var configuration = ProxyConfiguration()
        configuration.destinations.connectPorts = .any
        configuration.maxClientConnections = scenario.proxy.maxClientConnections
        configuration.maxUpstreamConnections = scenario.proxy.maxUpstreamConnections
        configuration.maxBuffer = scenario.proxy.maxBuffer
        configuration.clientHeadTimeout = scenario.proxy.clientHeadTimeout
        configuration.clientIdleTimeout = scenario.proxy.clientIdleTimeout
        configuration.clientBodyTimeout = scenario.proxy.clientBodyTimeout
        configuration.closeLinger = scenario.proxy.closeLinger
        configuration.headLimits.maxHeadBytes = Self.maxHead
        self.configuration = configuration
        settings = SettingsInForce()
        hasListenerChanges = scenario.happenings.contains { if case .changeListeners = $0.what { true } else { false } }
        hasPipelines = scenario.clients.contains { $0.requests.contains(where: \.isPipelined) }
        tls.loadTime = scenario.proxy.loadTime
        tls.report = { [unowned self] in violated($0, $1) }
        origins = scenario.origins.enumerated().map { OriginMachine($0.element, index: $0.offset, in: self) }
        clients = scenario.clients.enumerated().map { ClientMachine($0.element, index: $0.offset, in: self) }
    }

    var now: Instant { network.now }

    func after(_ delay: Interval, _ work: @escaping () -> Void) { network.schedule(after: delay, work) }

    func nextConnectionNumber() -> Int {
        connectionNumber += 1
        return connectionNumber
    }

    func clientAddress(_ index: Int) -> IPAddress { IPAddress(ipv4: 0x0A02_0000 | UInt32(index + 1)) }

    /// Settings or the configuration have changed.
    func limitsChanged() {
        watch?.note(self)
        buffers?.note(self)
    }

    func noteUnsolicited(_ connection: Int) { unsolicitedArrivals[connection] = now }

    func violated(_ property: Property, _ text: String) {
        network.trace.note("oracle") { "\(property): \(text)" }
        guard violations.count < 10 else { return }
        violations.append(Violation(property: property, text: text, at: network.now))
    }

    /// connd answered a request with an error, which must have a cause.
    func refused(_ account: Account, status: Int, error: String) {
        guard scenario.mustServe(account.client) else { return }
        violated(.calm, "request \(account.request.nonce) was answered \(status) \(error)")
    }

    func wasRefused(_ client: ClientMachine) {
        guard !isStopping, listenerEndpoint != nil else { return }
        violated(.answeredOnce, "client \(client.index) was refused a connection")
    }

    // MARK: The run

    /// Small, so that what may be held is.
    static let maxHead = 4096
    /// Simulated time that a run may take until everything is at rest.
    private static let maxDuration = Interval.hours(2)
    private static let maxScenarioTime = Interval.minutes(15)
    private static let maxTurns = 4_000_000

    func run() -> Verdict {
        setUp()
        let proxy = makeProxy()
        self.proxy = proxy
        if !proxy.listen() { violated(.rest, "the listener cannot be opened") }
        watch = LimitWatch(self)
        buffers = BufferWatch(self)
        for origin in origins { origin.start() }
        for client in clients { client.start() }
        for happening in scenario.happenings { after(happening.at) { [unowned self] in take(happening.what) } }
        run(proxy, until: { [self] in isScenarioOver })
        letRest(proxy)
        run(proxy)
        if violations.isEmpty { checkRest(proxy) }
        if violations.isEmpty { stopAll(proxy) }
        defer { release(proxy) }
        return Verdict(violations: violations, events: network.trace.events, trace: network.trace, census: census())
    }

    private func release(_ proxy: ProxyUnderTest) {
        remains = Remains(proxy, tls)
        proxy.upstream.dropPools()
        self.proxy = nil
    }

    /// After the run: clients, origins and hosts hold each other.
    func tearDown() {
        for client in clients { client.tearDown() }
        for origin in origins { origin.tearDown() }
        tls.tearDown()
        network.tearDown()
    }

    private func setUp() {
        network.setPath(scenario.clientPath, to: .proxy)
        network.setName("connd", of: Endpoint(address: .proxyHost, port: 0))
        for client in clients {
            network.setName("client \(client.index)", of: Endpoint(address: clientAddress(client.index), port: 0))
        }
        for origin in origins {
            settings.set(origin.plan.settings, host: origin.host)
        }
    }

    private func makeProxy() -> ProxyUnderTest {
        ProxyUnderTest(
            network, kernel, tls, configuration: configuration, seed: scenario.seed,
            settings: { [settings] in settings[$0] },
            resolve: { [unowned self] host, completion in
                guard let origin = origins.first(where: { $0.host == host }) else {
                    return after(.milliseconds(1)) { completion(.noSuchName("nobody has this name")) }
                }
                after(origin.plan.lookupTime) { completion(origin.answer) }
            })
    }

    /// Everything planned has happened, or will not happen any more.
    private var isScenarioOver: Bool {
        guard network.now - begin > lastHappening else { return false }
        return clients.allSatisfy(\.isFinished) || network.now - begin > Self.maxScenarioTime
    }

    private var lastHappening: Interval { scenario.happenings.last?.at ?? .zero }

    /// Otherwise `min_idle` goes on for ever, and so does a listener that has no descriptor for a client that waits.
    private func letRest(_ proxy: ProxyUnderTest) {
        kernel.descriptorLimit = .max
        tls.isResting = true
        for origin in origins {
            var cold = origin.settings
            guard cold.minIdle > 0 else { continue }
            cold.minIdle = 0
            settings.set(cold, host: origin.host)
            origin.set(cold)
            for origin in [origin.origin, origin.tunnelOrigin] { proxy.order(.apply(cold), origin) }
        }
    }

    /// Runs until everything is at rest, or `isDone`.
    private func run(_ proxy: ProxyUnderTest, until isDone: () -> Bool = { false }) {
        let end = network.now + Self.maxDuration
        var turns = 0
        while violations.isEmpty {
            proxy.turn()
            turns += 1
            watch?.check(self, proxy)
            buffers?.check(self, proxy)
            if turns % 8 == 0 { watchTLS(proxy) }
            if let late = kernel.lateRequests.first {
                violated(.sentTooLate, "connd sent\(late) behind the origin's FIN")
            }
            if Invariant.brokenCount > brokenBefore { violated(.invariants, "an invariant is broken") }
            if kernel.isAtRest || isDone() { return }
            if turns > Self.maxTurns || network.now > end {
                return violated(.rest, "connd is still busy after \(turns) rounds: \(residue(proxy))")
            }
        }
    }

    /// Stops connd; nothing may remain afterwards.
    private func stopAll(_ proxy: ProxyUnderTest) {
        isStopping = true
        if !proxy.isStopping { proxy.stop(grace: .seconds(5)) }
        run(proxy)
        guard violations.isEmpty else { return }
        if !proxy.isStopped { violated(.rest, "connd does not stop: \(residue(proxy))") }
        if kernel.openDescriptors > 0 { violated(.rest, "connd has stopped and holds \(residue(proxy))") }
        checkSettled()
        checkCounters(proxy)
        checkTLS(proxy)
    }

    private func census() -> Census {
        var census = Census()
        for account in ledger.accounts {
            census.sightings += account.sightings.count
            census.resent += max(account.sightings.count - 1, 0)
            switch account.outcome {
            case .pending: census.pending += 1
            case .answered: census.answered += 1
            case .refused: census.refused += 1
            case .cut: census.cut += 1
            case .unanswered: census.unanswered += 1
            case .abandoned: census.abandoned += 1
            case .tunnelEnded: census.tunnels += 1
            }
        }
        return census
    }
}

/// The settings of origins by host, as the control plane holds them.
final class SettingsInForce {
    private var byHost: [String: EffectiveSettings] = [:]

    func set(_ settings: EffectiveSettings, host: String) { byHost[host] = settings }
    subscript(origin: Origin) -> EffectiveSettings { byHost[origin.host] ?? EffectiveSettings() }
}
