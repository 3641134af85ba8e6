import ProxyTypes
import Tuning

extension Scenario {
    static func generate(seed: UInt64) -> Scenario {
        var generator = ScenarioGenerator(seed: seed)
        return generator.make()
    }
}

/// Makes a scenario from a seed. Each has only some of the features, because one can hide another: a scenario in which
/// half of all clients leave early shows little about fairness. Value.
struct ScenarioGenerator {
    /// What may occur in the scenario.
    struct Features {
        var calm = Scenario.Calm.nowhere
        /// Neither origins nor connd's limits may fail a request.
        var sparesOrigins = false
        var isCalm = false
        var bodies = false, chunked = false, large = false, pieces = false
        var oldClients = false, oneShot = false, clientPipelining = false, originPipelining = false
        var tunnels = false, upgrades = false, logins = false, expect = false, heads = false
        var slowReaders = false, departures = false, stops = false, garbage = false
        var cutAnswers = false, stalls = false, badAnswers = false, earlyAnswers = false, untilClose = false
        /// Most connections turn out to be dead when they are used.
        var stale = false
        /// Many clients come at once, and all connections that they meet are dead; or they wait for few connections.
        var stampede = false, queue = false
        /// Hosts go without a word.
        var silence = false
        var closingAnswers = false, idleEnds = false, interim = false
        var tightLimits = false, tightQueue = false, shortTimeouts = false
        var orders = false, stopping = false, restarts = false, reach = false, names = false
        var descriptors = false, clocks = false, listeners = false
        /// Origins of https; faults of theirs; files that change.
        var tls = false, badTLS = false, files = false
    }

    let seed: UInt64
    var random: SeededRandom
    var features = Features()
    private var nonce: Nonce = 0

    init(seed: UInt64) {
        self.seed = seed
        // The network draws from the seed itself.
        random = SeededRandom(seed: seed ^ 0x5CE7_A210)
    }

    // MARK: Choices

    mutating func chance(_ percent: Int) -> Bool { random.below(100) < percent }
    mutating func pick<Choice>(_ choices: Choice...) -> Choice { choices[random.below(choices.count)] }
    mutating func pick(from low: Int, to high: Int) -> Int { low + random.below(high - low + 1) }
    mutating func milliseconds(_ low: Int, _ high: Int) -> Interval { .milliseconds(Int64(pick(from: low, to: high))) }

    mutating func microseconds(below bound: Int) -> Interval {
        Interval(nanoseconds: Int64(random.below(bound)) * 1000)
    }

    mutating func nextNonce() -> Nonce {
        nonce += 1
        return nonce
    }

    mutating func size() -> Int {
        switch random.below(features.large ? 12 : 10) {
        case 0: 0
        case 1: 1
        case 2...6: pick(from: 2, to: 300)
        case 7...9: pick(from: 300, to: 6000)
        case 10: pick(from: 6000, to: 80_000)
        default: pick(from: 80_000, to: 600_000)
        }
    }

    // MARK: Scenario

    mutating func make() -> Scenario {
        chooseFeatures()
        if features.stampede { return makeStampede() }
        if features.queue { return makeQueue() }
        let origins = (0..<pick(1, 1, 2, 2, 3, 4)).map { _ in makeOrigin() }
        let clients = (0..<clientCount()).map { _ in makeClient(origins: origins) }
        var scenario = Scenario(
            seed: seed, calm: features.calm, proxy: makeProxy(), clientPath: makePath(), originPath: makePath(),
            origins: origins, clients: clients, happenings: [])
        scenario.happenings = makeHappenings(origins: origins)
        return scenario
    }

    private mutating func clientCount() -> Int {
        // Enough to use up the retry budget, which is a share of the requests.
        if features.stale { return pick(from: 20, to: 40) }
        return switch random.below(12) {
        case 0: 1
        case 1...4: pick(from: 2, to: 4)
        case 5...9: pick(from: 4, to: 12)
        default: pick(from: 12, to: 40)
        }
    }

    private mutating func chooseFeatures() {
        features.calm = pick(.everywhere, .butForClients, .nowhere, .nowhere, .nowhere)
        switch features.calm {
        case .everywhere: (features.isCalm, features.sparesOrigins) = (true, true)
        case .butForClients: features.sparesOrigins = true
        case .nowhere: break
        }
        features.bodies = chance(60)
        features.chunked = chance(50)
        features.large = chance(20)
        features.pieces = chance(40)
        features.oldClients = chance(25)
        features.oneShot = chance(30)
        features.clientPipelining = chance(25)
        features.originPipelining = chance(20)
        features.tunnels = chance(20)
        features.upgrades = chance(15)
        features.logins = chance(15)
        features.expect = chance(15)
        features.heads = chance(30)
        features.interim = chance(15)
        // Requests that were pipelined behind the last answer of a connection are retried, and retries are limited.
        if case .butForClients = features.calm { features.originPipelining = false }
        let mayClose = !features.sparesOrigins || !features.originPipelining
        features.untilClose = chance(25) && mayClose
        features.closingAnswers = chance(30) && mayClose
        features.tightLimits = chance(50)
        features.orders = chance(30)
        features.listeners = chance(10)
        features.clocks = chance(10)
        features.slowReaders = chance(20)
        features.queue = features.isCalm && chance(12)
        features.tls = chance(45)
        features.files = features.tls && chance(30)
        guard !features.isCalm else { return }
        features.departures = chance(25)
        features.silence = chance(12)
        features.stops = chance(20)
        features.garbage = chance(10)
        guard !features.sparesOrigins else { return }
        features.cutAnswers = chance(30)
        features.stalls = chance(15)
        features.stale = chance(10)
        features.stampede = chance(4)
        features.badAnswers = chance(12)
        features.earlyAnswers = chance(15)
        features.idleEnds = chance(40)
        features.tightQueue = chance(30)
        features.shortTimeouts = chance(30)
        features.stopping = chance(15)
        features.restarts = chance(20)
        features.reach = chance(20)
        features.names = chance(15)
        features.descriptors = chance(8)
        features.badTLS = features.tls && chance(50)
    }

    private mutating func makeProxy() -> ProxyPlan {
        var plan = ProxyPlan()
        plan.maxBuffer = pick(4096, 8192, 16_384, 65_536)
        plan.loadTime = milliseconds(0, chance(80) ? 10 : 100)
        guard !features.sparesOrigins else {
            // A tunnel does not wait for a place.
            if features.tightLimits, !features.tunnels, chance(40) {
                plan.maxUpstreamConnections = pick(from: 1, to: 6)
            }
            return plan
        }
        if features.tightLimits {
            if chance(40) { plan.maxClientConnections = pick(from: 1, to: 10) }
            if chance(40) { plan.maxUpstreamConnections = pick(from: 1, to: 6) }
        }
        if features.shortTimeouts {
            plan.clientHeadTimeout = milliseconds(50, 2000)
            plan.clientIdleTimeout = milliseconds(50, 5000)
            plan.clientBodyTimeout = milliseconds(100, 2000)
            plan.closeLinger = milliseconds(0, 500)
        }
        return plan
    }

    private mutating func makePath() -> Path {
        var path = Path()
        if features.silence { path.retransmissionsEnd = .seconds(Int64(pick(5, 15, 60, 924))) }
        path.cuts = pick(.whole, .whole, .sometimes, .sometimes, .small)
        if features.large { path.cuts = pick(.whole, .sometimes) }
        if chance(40) {
            path.sendBuffer = pick(2000, 8192)
            path.receiveBuffer = pick(2000, 8192)
        }
        // Byte by byte over a slow path would take longer than the timeouts.
        if !features.large, chance(10) {
            if chance(50) { path.cuts = .singleBytes } else { path.sendBuffer = pick(1, 100) }
            if chance(50) { path.receiveBuffer = pick(1, 100) }
            return path
        }
        switch random.below(4) {
        case 0: break
        case 1:
            path.minLatency = .milliseconds(1)
            path.maxLatency = .milliseconds(1)
        default:
            path.minLatency = Interval(nanoseconds: Int64(pick(from: 10, to: 1000)) * 1000)
            path.maxLatency = path.minLatency + Interval(nanoseconds: Int64(pick(from: 0, to: 20_000)) * 1000)
        }
        if chance(20) { path.bytesPerSecond = pick(from: 50_000, to: 5_000_000) }
        return path
    }

    // MARK: Origins

    private mutating func makeOrigin() -> OriginPlan {
        var plan = OriginPlan()
        plan.isLiteral = chance(30)
        plan.addressCount = plan.isLiteral ? 1 : pick(1, 1, 1, 2, 3)
        plan.lookupTime = milliseconds(0, 30)
        plan.settings = makeSettings()
        if features.idleEnds, chance(70) {
            plan.idleEnd = IdleEnd(
                after: chance(20)
                    ? microseconds(below: 1500) : chance(70) ? milliseconds(1, 60) : milliseconds(60, 3000),
                manner: pick(.fin, .fin, .fin, .reset, .vanish, .speak))
            if features.silence, chance(40) { plan.idleEnd?.manner = .silence }
        }
        if features.closingAnswers, chance(50) { plan.maxAnswers = pick(from: 1, to: 4) }
        if features.idleEnds, chance(20) { plan.keepAliveHint = pick(1, 2, 5) }
        plan.bindsConnections = features.logins && chance(60)
        if features.tls, chance(75) { addTLS(&plan) }
        return plan
    }

    mutating func makeSettings() -> EffectiveSettings {
        var settings = EffectiveSettings()
        settings.maxConnections = features.tightLimits ? pick(from: 1, to: 4) : pick(8, 32)
        settings.maxIdle = chance(70) ? settings.maxConnections : random.below(settings.maxConnections + 1)
        settings.minIdle = chance(80) ? 0 : random.below(settings.maxIdle + 1)
        settings.maxRequestsPerConnection = pick(0, 0, 1000, 1, 3)
        settings.maxLifetime = chance(80) ? .minutes(15) : milliseconds(50, 3000)
        settings.idleTimeout = chance(60) ? .auto : .fixed(milliseconds(5, 3000))
        settings.reuseOrder = pick(.lifo, .fifo, .widest)
        settings.pipelining = features.originPipelining && chance(70) ? .idempotent : .off
        settings.pipelineDepth = pick(from: 2, to: 6)
        settings.maxTunnels = features.tightLimits && !features.sparesOrigins ? pick(from: 1, to: 3) : 64
        settings.replayBuffer = pick(0, 1000, 65_536)
        settings.happyEyeballsDelay = milliseconds(10, 300)
        settings.dnsMinTTL = chance(60) ? .seconds(5) : milliseconds(0, 200)
        settings.maxQueue = 1000
        settings.queueTimeout = .minutes(10)
        settings.headersTimeout = .minutes(1)
        settings.bodyIdleTimeout = .minutes(1)
        settings.expectContinueTimeout = milliseconds(0, 1000)
        settings.tunnelIdleTimeout = .minutes(2)
        guard !features.sparesOrigins else { return settings }
        settings.maxRetries = pick(0, 1, 2, 3)
        settings.connectTimeout = milliseconds(100, 3000)
        settings.queueTimeout = .seconds(5)
        if features.tightQueue {
            settings.maxQueue = pick(0, 1, 2, 3, 5)
            settings.queueTimeout = milliseconds(0, 2000)
        }
        if features.shortTimeouts {
            settings.headersTimeout = milliseconds(20, 1000)
            settings.bodyIdleTimeout = milliseconds(20, 1000)
            settings.tunnelIdleTimeout = milliseconds(1, 2000)
            settings.closeLinger = milliseconds(0, 500)
        }
        return settings
    }
}
