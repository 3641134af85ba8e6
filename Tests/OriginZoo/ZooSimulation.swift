package import Learning
package import ProxyTypes

/// A pool of connections to one origin, under one policy and one stream of requests. The same seed gives the same run.
///
/// The pool uses the connection that became idle last. Requests never wait: one that finds no idle connection dials.
package final class ZooSimulation {
    /// Times that a silent path takes to be noticed, and that a connection lives.
    static let userTimeout = 3.0
    static let lifetime = 900.0

    var origin: ZooOrigin
    let policy: any ZooPolicy
    let learned: ZooLearnedPolicy?
    let maxIdle: Int
    var random: ZooRandom
    var queue = ZooQueue()
    /// The latest last.
    var idle: [ZooConnection] = []
    package internal(set) var mostProbes = 0
    package internal(set) var count = ZooCount()
    package internal(set) var sketch: GapSketch?
    var nextRestart: [Double]
    private let times: [Double]
    private let posts: [Bool]
    private let warmUp: Double

    /// `warmUp`: the share of requests that is not counted.
    package init(
        _ origin: ZooOrigin, _ arrivals: ZooArrivals, _ policy: any ZooPolicy, requests: Int, seed: UInt64 = 1,
        posts share: Double = 0.2, warmUp: Double = 0, sketches: Bool = false, maxIdle: Int = .max
    ) {
        self.origin = origin
        self.policy = policy
        self.maxIdle = maxIdle
        learned = policy.learned
        var arrivalRandom = ZooRandom(seed: seed + 1000)
        times = arrivals.times(&arrivalRandom, count: requests)
        posts = times.map { _ in arrivalRandom.uniform() < share }
        random = ZooRandom(seed: seed)
        nextRestart = origin.backends.map { _ in .infinity }
        self.warmUp = times[Int(Double(times.count - 1) * warmUp)]
        sketch = sketches ? GapSketch(now: Self.instant(0)) : nil
        policy.start(origin)
    }

    /// Stops once the learner has seen so many closes, or at that time.
    package func run(untilCloses closes: Int64 = .max, until end: Double = .infinity) -> ZooCount {
        for backend in origin.backends.indices { planRestart(backend, after: 0) }
        for change in origin.changes { queue.add(change.at, .changed(change.model)) }
        var warm: ZooCount?
        for (time, isPost) in zip(times, posts) {
            while queue.next <= min(time, end) { handle(queue.take()) }
            guard time <= end else { break }
            if warm == nil, time >= warmUp { warm = counted(until: time) }
            request(isPost: isPost, now: time)
            count.requests += 1
            count.seconds = time
            if let learned, learned.learner.closes >= closes { break }
        }
        return counted(until: count.seconds).since(warm ?? ZooCount())
    }

    /// With the idle time of those that are idle still.
    private func counted(until now: Double) -> ZooCount {
        var all = count
        all.seconds = now
        for connection in idle {
            all.idle += now - connection.since
            if connection.isProbe { all.probing += now - connection.retiresAt }
        }
        return all
    }

    package static func instant(_ seconds: Double) -> Instant { .zero + .zoo(seconds) }

    private func handle(_ next: (at: Double, event: ZooQueue.Event)) {
        switch next.event {
        case .responded(let connection): responded(connection, now: next.at)
        case .woken(let connection): woken(connection, now: next.at)
        case .failed(let failure): failed(failure, now: next.at)
        case .restarted(let backend):
            restart(backend, now: next.at)
            planRestart(backend, after: next.at)
        case .changed(let model):
            for backend in origin.backends.indices {
                origin.backends[backend].model = model
                restart(backend, now: next.at)
            }
        }
    }

    func oneWay() -> Double { origin.roundTrip / 2 + random.exponential(origin.jitter) }

    private func request(isPost: Bool, now: Double) {
        if isPost { count.posts += 1 }
        sketch?.wanted(now: Self.instant(now))
        guard let connection = policy.pick(idle, isPost: isPost, now: now) else { return dial(now) }
        leaveIdle(connection, now: now)
        let age = now - connection.since
        func fail(at news: Double, _ sign: FailedReuse.Sign) {
            connection.isGone = true
            let failure = ZooFailure(connection: connection, age: age, sentAt: now, sign: sign, isPost: isPost)
            queue.add(max(news, now), .failed(failure))
        }
        if now - connection.lastSegment > origin.silence.limit {
            if case .drops = origin.silence { return fail(at: now + Self.userTimeout, .silence) }
            return fail(at: now + origin.roundTrip, .reset)
        }
        var arrives = now + oneWay()
        if origin.loss > 0, random.uniform() < origin.loss { arrives += 0.2 + origin.roundTrip }
        if connection.closesAt <= arrives { return fail(at: connection.finAt, .closed) }
        let restart = nextRestart[connection.backend]
        if restart <= arrives { return fail(at: restart + oneWay(), .closed) }
        count.reused += 1
        if isPost { count.reusedByPosts += 1 }
        learned?.reused(connection, age: age, now: now)
        serve(connection, now: now)
    }

    func dial(_ now: Double) {
        count.dials += 1
        let connection = ZooConnection()
        if origin.backends.count > 1 {
            var place = random.uniform()
            connection.backend = origin.backends.count - 1
            for (backend, entry) in origin.backends.enumerated() {
                if place < entry.weight {
                    connection.backend = backend
                    break
                }
                place -= entry.weight
            }
        }
        connection.expires = now + Self.lifetime * random.uniform(0.9, 1.1)
        serve(connection, now: now + origin.roundTrip)
    }

    private func serve(_ connection: ZooConnection, now: Double) {
        var work = random.exponential(origin.service)
        if origin.slow > 0, random.uniform() < 0.3 { work += origin.slow * random.uniform() }
        connection.requests += 1
        connection.asked = now
        queue.add(now + origin.roundTrip + work, .responded(connection))
    }

    private func planRestart(_ backend: Int, after now: Double) {
        guard origin.restarts > 0 else { return }
        nextRestart[backend] = now + random.exponential(origin.restarts)
        queue.add(nextRestart[backend], .restarted(backend: backend))
    }

    private func restart(_ backend: Int, now: Double) {
        for connection in idle where connection.backend == backend && !connection.isGone {
            connection.closesAt = now
            connection.finAt = audible(max(now, connection.lastSegment) + oneWay(), connection)
            schedule(connection)
        }
    }

    /// A FIN does not get through a silent path either.
    func audible(_ finAt: Double, _ connection: ZooConnection) -> Double {
        finAt - connection.lastSegment > origin.silence.limit ? .infinity : finAt
    }
}
