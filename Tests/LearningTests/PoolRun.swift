import Learning
import OriginZoo
import Pooling
import ProxyTypes

/// A real pool under given settings and traffic: the truth that predictions are compared with. Each request takes as long
/// as `services` says, each dial as long as `dialTime`; the origin closes what is idle for `limit`.
final class PoolRun {
    struct Traffic {
        var times: [Double]
        var services: [Double]
        var isRepeatable: [Bool]
        var dialTime = 0.02
        var limit = Double.infinity
        /// Of 100 responses, so many end their connection.
        var closing = 0

        init(
            _ arrivals: ZooArrivals, requests: Int, service: Double, repeatable: Double = 0.8, closing: Int = 0,
            seed: UInt64
        ) {
            var random = ZooRandom(seed: seed)
            times = arrivals.times(&random, count: requests)
            services = times.map { _ in service * 0.5 + random.exponential(service * 0.5) }
            isRepeatable = times.map { _ in random.uniform() < repeatable }
            self.closing = closing
        }
    }

    private enum Event {
        case arrival(Int)
        case served(ConnectionID, since: Instant, wanted: Instant, waited: Bool)
        case dialled(ConnectionID)
        case originClosed(ConnectionID, lease: Int)
        case deadline
    }

    private struct Waiter {
        var request: Int
        var since: Instant
        var isQueued: Bool
    }

    private(set) var totals = PoolTotals()
    private(set) var waiting = 0
    private(set) var end = Instant.zero
    private(set) var record: TrafficRecord

    private let traffic: Traffic
    private var pool: OriginPool
    private var actions: [PoolAction] = []
    private var question: GapQuestion?
    private var events = EventQueue<Event>()
    private var waiters: [UInt32: Waiter] = [:]
    private var idleSince: [ConnectionID: Instant] = [:]
    private var leases: [ConnectionID: Int] = [:]
    private var random = ZooRandom(seed: 77)

    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9) + 1) }
    static func length(_ seconds: Double) -> Interval { Interval(nanoseconds: Int64(seconds * 1e9)) }

    /// `question`: what the record notes as in force. `change`: after so many requests, other settings are.
    init(
        _ traffic: Traffic, _ settings: WhatIf.Settings, bounds: LearnedBounds? = nil,
        noting question: GapQuestion? = nil, thenAt change: Int = .max, _ later: WhatIf.Settings? = nil
    ) {
        self.traffic = traffic
        self.question = question
        record = TrafficRecord(PoolTotals(), idle: [], now: Self.at(0))
        if let question { record.note(PoolTotals(), busy: 0, inForce: question, now: Self.at(0)) }
        pool = OriginPool(
            policy: Self.policy(settings), origin: ConnectionBudget(limit: settings.maxConnections),
            total: ConnectionBudget(limit: 100_000), seed: 7)
        pool.apply(bounds, now: Self.at(0), into: &actions)
        for index in traffic.times.indices { events.add(Self.at(traffic.times[index]), .arrival(index)) }
        let last = Self.at(traffic.times.last ?? 0)
        let changeTime = change < traffic.times.count ? Self.at(traffic.times[change]) : .distantFuture
        var (later, due) = (later, Instant.distantFuture)
        while true {
            if pool.nextDeadline < due {
                due = pool.nextDeadline
                events.add(due, .deadline)
            }
            guard let (now, event) = events.take(), now <= last else { break }
            if case .deadline = event, now >= due { due = .distantFuture }
            end = now
            if let settings = later, now >= changeTime {
                later = nil
                pool.apply(Self.policy(settings), now: now, into: &actions)
                perform(now)
                noteTotals(inForce: settings.question(WhatIfTests.unknown))
            }
            handle(event, now)
            perform(now)
            if case .arrival(let index) = event, index.isMultiple(of: 1000) { noteTotals(inForce: self.question) }
        }
        noteTotals(inForce: self.question)
    }

    private func noteTotals(inForce question: GapQuestion?) {
        self.question = question
        if let question { record.note(totalsNow, busy: pool.leases + pool.counts.waiting, inForce: question, now: end) }
    }

    /// With those that are idle now.
    private var totalsNow: PoolTotals {
        var totals = totals
        for since in idleSince.values { totals.idleTime += (end - since).microseconds }
        return totals
    }

    private static func policy(_ settings: WhatIf.Settings) -> PoolPolicy {
        var policy = PoolPolicy()
        policy.idleTimeout = settings.idleTimeout
        policy.maxIdle = settings.maxIdle
        policy.maxConnections = settings.maxConnections
        policy.maxLifetime = settings.maxLifetime
        policy.maxRequestsPerConnection = settings.maxRequestsPerConnection
        policy.queueTimeout = settings.queueTimeout
        return policy
    }

    private func handle(_ event: Event, _ now: Instant) {
        switch event {
        case .arrival(let index):
            record.wanted(isRepeatable: traffic.isRepeatable[index], now: now)
            let id = WaiterID(slot: UInt32(index), generation: 0)
            waiters[id.slot] = Waiter(request: index, since: now, isQueued: false)
            let request = LeaseRequest(
                client: ClientID(rawValue: UInt64(index)), isRetryable: traffic.isRepeatable[index])
            pool.lease(id, request, now: now, into: &actions)
            perform(now)
            if waiters[id.slot] != nil, !pool.dialsForAllWaiting {
                waiters[id.slot]?.isQueued = true
                waiting += 1
            }
        case .served(let id, let since, let wanted, let waited):
            let ends = random.uniform() * 100 < Double(traffic.closing)
            record.ended(
                occupied: waited ? now - since : now - wanted, waited: waited ? since - wanted : .zero,
                isKept: !ends, now: now)
            if !ends {
                idleSince[id] = now
                leases[id, default: 0] += 1
                if traffic.limit < .infinity {
                    events.add(now + Self.length(traffic.limit), .originClosed(id, lease: leases[id] ?? 0))
                }
            }
            pool.release(
                id, ends ? .mustClose(.originConnectionClose) : .reusable(nil, window: .unknown), now: now,
                into: &actions)
        case .dialled(let id):
            idleSince[id] = now
            pool.dialSucceeded(id, now: now, into: &actions)
        case .originClosed(let id, let lease):
            guard idleSince[id] != nil, leases[id] == lease else { return }
            noteIdleEnd(id, now)
            pool.noteClosing(id, now: now, into: &actions)
            perform(now)
            pool.closed(id, now: now, into: &actions)
        case .deadline: pool.deadlineReached(now: now, into: &actions)
        }
    }

    private func noteIdleEnd(_ id: ConnectionID, _ now: Instant) {
        guard let since = idleSince.removeValue(forKey: id) else { return }
        totals.idleTime += (now - since).microseconds
    }

    private func perform(_ now: Instant) {
        while !actions.isEmpty {
            let action = actions.removeFirst()
            switch action {
            case .dial(let id, _):
                totals.dials += 1
                events.add(now + Self.length(traffic.dialTime), .dialled(id))
            case .grant(let waiter, let id, let reused):
                guard let found = waiters.removeValue(forKey: waiter.slot) else { continue }
                noteIdleEnd(id, now)
                leases[id, default: 0] += 1
                if reused { totals.reused += 1 } else { totals.first += 1 }
                events.add(
                    now + Self.length(traffic.services[found.request]),
                    .served(id, since: now, wanted: found.since, waited: found.isQueued))
            case .refuse(let waiter, _):
                guard waiters.removeValue(forKey: waiter.slot) != nil else { continue }
                record.gaveUp(now: now)
            case .close(let id, _):
                noteIdleEnd(id, now)
                pool.closed(id, now: now, into: &actions)
            case .dialTunnel, .cancelDial, .park: break
            }
        }
    }

    var reuse: Double { Double(totals.reused) / Double(max(totals.reused + totals.first, 1)) }
    var idle: Double { Double(totalsNow.idleTime) / Double(max((end - Self.at(0)).microseconds, 1)) }
    var waitingShare: Double { Double(waiting) / Double(traffic.times.count) }
}

/// The earliest first, then the one that was added first.
private struct EventQueue<Event> {
    private var heap: [(time: Instant, number: Int, event: Event)] = []
    private var number = 0

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        heap[a].time == heap[b].time ? heap[a].number < heap[b].number : heap[a].time < heap[b].time
    }

    mutating func add(_ time: Instant, _ event: Event) {
        number += 1
        heap.append((time, number, event))
        var place = heap.count - 1
        while place > 0, precedes(place, (place - 1) / 2) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func take() -> (Instant, Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var place = 0
            while true {
                var child = 2 * place + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, precedes(child + 1, child) { child += 1 }
                guard precedes(child, place) else { break }
                heap.swapAt(child, place)
                place = child
            }
        }
        return (first.time, first.event)
    }
}
