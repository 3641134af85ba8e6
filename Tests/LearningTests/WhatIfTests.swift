import Foundation
import Learning
import OriginZoo
import Pooling
import ProxyTypes
import Testing

@Suite("What-if, beside a real pool under the settings asked about")
struct WhatIfTests {
    static func settings(
        _ idleTimeout: Double, maxIdle: Int = 32, connections: Int = 32, lifetime: Double = 900, uses: Int = 0
    ) -> WhatIf.Settings {
        WhatIf.Settings(
            idleTimeout: .fixed(PoolRun.length(idleTimeout)), maxIdle: maxIdle, maxConnections: connections,
            maxLifetime: PoolRun.length(lifetime), maxRequestsPerConnection: uses, queueTimeout: .seconds(5))
    }

    /// What no learned limit bounds.
    static let unknown = WhatIf.Knowledge(once: .seconds(4), repeatable: .seconds(4), retire: .seconds(4))

    static let asked: [WhatIf.Settings] = [
        settings(1), settings(4), settings(15), settings(30), settings(60), settings(120), settings(300),
        settings(30, maxIdle: 1), settings(30, maxIdle: 2), settings(30, maxIdle: 4), settings(60, maxIdle: 8),
        settings(15, connections: 1), settings(15, connections: 2), settings(30, connections: 3),
        settings(30, connections: 4), settings(60, connections: 8), settings(60, lifetime: 300), settings(60, uses: 20),
        settings(60, uses: 100), settings(15, maxIdle: 2, connections: 3),
    ]

    struct Case: CustomTestStringConvertible, Sendable {
        var arrivals: ZooArrivals
        var requests: Int
        var service: Double
        var closing = 0
        /// Its requests come at a constant rate.
        var isStationary = true

        var testDescription: String { closing > 0 ? "\(arrivals), \(closing) % end their connection" : "\(arrivals)" }
        var traffic: PoolRun.Traffic {
            PoolRun.Traffic(arrivals, requests: requests, service: service, closing: closing, seed: 3)
        }
    }

    static let cases = [
        Case(arrivals: .poisson(0.05), requests: 4000, service: 0.2),
        Case(arrivals: .poisson(1), requests: 8000, service: 0.2),
        Case(arrivals: .poisson(20), requests: 12_000, service: 0.1),
        Case(arrivals: .poisson(1), requests: 4000, service: 0.2, closing: 30),
        Case(arrivals: .bursts(20, on: 10, off: 60), requests: 12_000, service: 0.1, isStationary: false),
        Case(arrivals: .cron(every: 60, batch: 5, spread: 5), requests: 4000, service: 0.5, isStationary: false),
        Case(arrivals: .cron(every: 60, batch: 10, spread: 0.2), requests: 4000, service: 0.3, isStationary: false),
    ]

    /// Recorded while `idle_timeout` was 4 s.
    static func recorded(_ traffic: PoolRun.Traffic, known: WhatIf.Knowledge = unknown) -> WhatIf {
        let inForce = settings(4)
        let run = PoolRun(traffic, inForce, noting: inForce.question(known))
        return WhatIf(run.record, inForce: inForce, knowledge: known, now: run.end)
    }

    /// With CONND_WHATIF_TABLE in the environment it prints the table.
    @Test("each of 20 settings is predicted within the error that is stated with it", arguments: cases)
    func table(_ example: Case) {
        let traffic = example.traffic
        let whatIf = Self.recorded(traffic)
        #expect(whatIf.isEnough)
        let prints = ProcessInfo.processInfo.environment["CONND_WHATIF_TABLE"] != nil
        if prints { print("\n\(example.testDescription)\n\(WhatIfRow.heading)") }
        var outside = 0
        for asked in Self.asked {
            let row = WhatIfRow(asked: asked, predicted: whatIf.predict(asked), shown: PoolRun(traffic, asked))
            if prints { print(row.text) }
            outside += row.outside.count
            // A connection dialled for one request may serve another first where very few may be idle.
            if example.isStationary, asked.maxIdle > 2 {
                #expect(row.reuseError <= 0.02, "\(row.text)")
                if row.shown.totals.dials >= 200 { #expect(row.dialError <= 0.1, "\(row.text)") }
            }
        }
        // Of 80 figures.
        #expect(outside <= 4)
    }

    @Test("what the model tells of the settings in force is compared with what the pool counted")
    func comparison() {
        let run = PoolRun(Self.cases[1].traffic, Self.settings(4), noting: Self.settings(4).question(Self.unknown))
        let whatIf = WhatIf(run.record, inForce: Self.settings(4), knowledge: Self.unknown, now: run.end)
        let seen = whatIf.comparison
        #expect(whatIf.requests == 8000 && whatIf.replayed == 2048)
        #expect(seen.reuse.measured == run.reuse && seen.dials.measured == Double(run.totals.dials))
        #expect(abs(seen.idle.measured - run.idle) < 1e-6)
        #expect(abs(seen.reuse.predicted - seen.reuse.measured) < 0.005)
        #expect(abs(seen.dials.predicted - seen.dials.measured) < 0.01 * seen.dials.measured)
        #expect(abs(seen.idle.predicted - seen.idle.measured) < 0.02 * seen.idle.measured)
    }

    @Test("settings that changed meanwhile count for their time")
    func changed() {
        let traffic = Self.cases[1].traffic
        let (first, second) = (Self.settings(1), Self.settings(30))
        let run = PoolRun(traffic, first, noting: first.question(Self.unknown), thenAt: 4000, second)
        let whatIf = WhatIf(run.record, inForce: second, knowledge: Self.unknown, now: run.end)
        let seen = whatIf.comparison
        // About 1800 in the one half, 50 in the other.
        #expect(abs(seen.dials.predicted - seen.dials.measured) < 0.03 * seen.dials.measured)
        #expect(whatIf.predict(second).dials < 0.1 * seen.dials.measured)
    }

    @Test("no more lie idle than there are, so that a larger max_idle is as good as none")
    func idleWithinConnections() {
        let whatIf = Self.recorded(Self.cases[1].traffic)
        let (bounded, free) = (Self.settings(15, maxIdle: 2, connections: 2), Self.settings(15, connections: 2))
        #expect(abs(whatIf.predict(bounded).dials - whatIf.predict(free).dials) < 1)
        #expect(whatIf.predict(Self.settings(15, maxIdle: 1, connections: 2)).dials > whatIf.predict(free).dials + 50)
    }

    /// Each request takes 100 ms, and comes 10 s after the one before.
    private static func regular(_ settings: [WhatIf.Settings], requests: Int = 100) -> WhatIf {
        var (record, totals) = (TrafficRecord(PoolTotals(), idle: [], now: PoolRun.at(0)), PoolTotals())
        var now = PoolRun.at(0)
        for inForce in settings {
            let (question, isKept) = (inForce.question(unknown), inForce.idleTimeout != .fixed(.seconds(1)))
            record.note(totals, busy: 0, inForce: question, now: now)
            for _ in 0..<requests {
                record.wanted(isRepeatable: true, now: now)
                now = now + .milliseconds(100)
                record.ended(occupied: .milliseconds(100), waited: .zero, isKept: true, now: now)
                now = now + .seconds(10)
            }
            if isKept { totals.reused += Int64(requests) } else { totals.first += Int64(requests) }
            if !isKept { totals.dials += Int64(requests) }
            record.note(totals, busy: 0, inForce: question, now: now)
        }
        return WhatIf(record, inForce: settings[settings.count - 1], knowledge: unknown, now: now)
    }

    @Test("what was in force before counts for its time alone, however often it changed")
    func changedOften() {
        let whatIf = Self.regular([1, 30, 1, 30, 1].map { Self.settings($0) })
        let dials = whatIf.comparison.dials.predicted
        #expect((298...305).contains(dials), "\(dials)")
    }

    @Test("an age that moves a little, as learned ones do, is not another one until it has moved by a twentieth")
    func movedALittle() {
        let traffic = [9.9, 10.3, 9.9, 10.3].map { Self.settings($0) }
        #expect(Self.regular(traffic).comparison.dials.predicted > 390)
        let question = Self.settings(10).question(Self.unknown)
        #expect(question.isNear(Self.settings(9.6).question(Self.unknown)))
        #expect(question.isNear(Self.settings(10.4).question(Self.unknown)))
        #expect(!question.isNear(Self.settings(9.4).question(Self.unknown)))
        #expect(!question.isNear(Self.settings(10.6).question(Self.unknown)))
        #expect(!question.isNear(Self.settings(10, maxIdle: 31).question(Self.unknown)))
        let unbounded = GapQuestion(idleTimeout: .infinite)
        #expect(unbounded.isNear(unbounded) && !unbounded.isNear(question) && !question.isNear(unbounded))
    }

    @Test("a time-out near the interval at which requests come is said to be uncertain")
    func sensitive() {
        let whatIf = Self.regular([Self.settings(1)], requests: 1000)
        func error(_ timeout: Double) -> Double { whatIf.predict(Self.settings(timeout)).error.dials }
        #expect(error(9.9) > 200 && error(10.1) > 200 && error(5) < 70 && error(20) < 30)
    }

    @Test("queueing under a limit that is in force is counted and replayed")
    func queueing() {
        let tight = Self.settings(15, connections: 2)
        let run = PoolRun(Self.cases[1].traffic, tight, noting: tight.question(Self.unknown))
        let whatIf = WhatIf(run.record, inForce: tight, knowledge: Self.unknown, now: run.end)
        let seen = whatIf.comparison
        #expect(abs(seen.waiting.measured - run.waitingShare) < 1e-9 && run.waiting > 100)
        #expect(abs(seen.waiting.predicted - seen.waiting.measured) < 0.005)
        // And with more, they would not have waited.
        let wide = whatIf.predict(Self.settings(15))
        #expect(wide.waiting == 0 && whatIf.predict(Self.settings(15, connections: 1)).waiting > 0.15)
    }

    @Test("what few connections cannot serve is said to be too much")
    func overload() {
        let whatIf = Self.recorded(Self.cases[2].traffic)
        let tight = whatIf.predict(Self.settings(4, connections: 1))
        #expect(tight.isOverloaded && tight.busy == 1 && tight.idle == 0 && tight.refused > 0.3)
        var patient = Self.settings(4, connections: 1)
        patient.queueTimeout = .hours(1)
        #expect(whatIf.predict(patient).refused == 0)
        #expect(!whatIf.predict(Self.settings(4, connections: 4)).isOverloaded)
    }

    @Test("reuse by risk: an age for requests that must not be sent twice, another one for those that may")
    func risk() {
        let traffic = Self.cases[1].traffic
        var auto = Self.settings(4)
        auto.idleTimeout = .auto
        let bounds = LearnedBounds(once: .seconds(2), repeatable: .seconds(8), retire: .seconds(9))
        let known = WhatIf.Knowledge(once: .seconds(2), repeatable: .seconds(8), retire: .seconds(9))
        let predicted = Self.recorded(traffic, known: known).predict(auto)
        let shown = PoolRun(traffic, auto, bounds: bounds)
        #expect(abs(predicted.reuse - shown.reuse) < 0.01)
        #expect(abs(predicted.dials - Double(shown.totals.dials)) < 0.1 * Double(shown.totals.dials))
        #expect(abs(predicted.idle - shown.idle) < 0.1 * shown.idle)
    }

    @Test("beyond the origin's own limit nothing is gained, and requests race its close")
    func limit() {
        var traffic = Self.cases[1].traffic
        traffic.limit = 5
        var known = Self.unknown
        (known.limit, known.reach) = (.seconds(5), .milliseconds(50))
        let whatIf = Self.recorded(traffic, known: known)
        let (within, beyond) = (whatIf.predict(Self.settings(4)), whatIf.predict(Self.settings(60)))
        let shown = PoolRun(traffic, Self.settings(60))
        #expect(abs(beyond.reuse - shown.reuse) < 0.01 && abs(beyond.idle - shown.idle) < 0.1 * shown.idle)
        #expect(beyond.dials == whatIf.predict(Self.settings(5)).dials)
        #expect(within.races == 0 && beyond.races > 1e-4 && beyond.races < 1e-2)
        var hinted = known
        hinted.hinted = .seconds(4)
        let bounded = WhatIf(whatIf.record, inForce: whatIf.inForce, knowledge: hinted, now: whatIf.now)
        #expect(bounded.predict(Self.settings(60)).races == 0)
    }

    @Test("a record is new when it begins")
    func begins() {
        let traffic = RecordedTraffic(TrafficRecord(PoolTotals(), idle: [], now: PoolRun.at(7000)))
        #expect(traffic.lastRequest == PoolRun.at(7000))
        traffic.wanted(isRepeatable: true, now: PoolRun.at(7001))
        traffic.ended(occupied: .seconds(1), waited: .zero, isKept: true, now: PoolRun.at(7002))
        #expect(traffic.lastRequest == PoolRun.at(7002))
    }

    @Test("little traffic is not enough")
    func tooLittle() {
        var traffic = Self.cases[0].traffic
        traffic.times.removeLast(3901)
        #expect(!Self.recorded(traffic).isEnough)
        var short = Self.cases[2].traffic
        short.times.removeAll { $0 > 29 }
        #expect(!Self.recorded(short).isEnough)
    }

    @Test("two loops' records are one")
    func merged() {
        let (traffic, asked) = (Self.cases[1].traffic, Self.settings(15))
        let whatIf = Self.recorded(traffic)
        var record = whatIf.record
        record.merge(whatIf.record, now: whatIf.now)
        let both = WhatIf(record, inForce: whatIf.inForce, knowledge: whatIf.knowledge, now: whatIf.now)
        let (one, two) = (whatIf.predict(asked), both.predict(asked))
        #expect(both.requests == 2 * whatIf.requests && both.replayed == 2048)
        #expect(abs(two.reuse - one.reuse) < 1e-9 && abs(two.dials - 2 * one.dials) < 1e-6)
        #expect(abs(two.idle - 2 * one.idle) < 1e-6 && abs(two.busy - 2 * one.busy) < 1e-9)
        let few = Self.regular([Self.settings(1)])
        var joined = few.record
        joined.merge(few.record, now: few.now)
        #expect(WhatIf(joined, inForce: few.inForce, knowledge: Self.unknown, now: few.now).replayed == 200)
        #expect(both.comparison.dials.measured == 2 * whatIf.comparison.dials.measured)
        #expect(abs(both.comparison.dials.predicted - 2 * whatIf.comparison.dials.predicted) < 1e-6)
    }

    @Test("what was seen a day ago counts half, and the comparison stays true")
    func faded() {
        let traffic = PoolRun.Traffic(.poisson(0.05), requests: 12_000, service: 0.2, seed: 5)
        let whatIf = Self.recorded(traffic)
        #expect(whatIf.requests < 9000 && whatIf.observed < .hours(48))
        let seen = whatIf.comparison
        #expect(abs(seen.dials.predicted - seen.dials.measured) < 0.02 * seen.dials.measured)
        #expect(abs(seen.reuse.predicted - seen.reuse.measured) < 0.01)
    }
}

/// One setting: what was predicted, and what a pool under it did.
struct WhatIfRow {
    let asked: WhatIf.Settings
    let predicted: WhatIf.Prediction
    let shown: PoolRun

    var reuseError: Double { abs(predicted.reuse - shown.reuse) }
    var dialError: Double {
        abs(predicted.dials - Double(shown.totals.dials)) / Double(max(shown.totals.dials, 1))
    }

    /// The figures that are further off than was stated.
    var outside: [String] {
        let error = predicted.error
        var names: [String] = []
        if reuseError > error.reuse { names.append("reuse") }
        if abs(predicted.dials - Double(shown.totals.dials)) > error.dials { names.append("dials") }
        if abs(predicted.idle - shown.idle) > error.idle { names.append("idle") }
        if !predicted.isOverloaded, abs(predicted.waiting - shown.waitingShare) > error.waiting {
            names.append("waiting")
        }
        return names
    }

    static let heading = """
        idle  max_idle max_conn lifetime uses | reuse %: predicted  shown | dials: predicted  shown \
        | idle: predicted  shown | waiting %: predicted  shown  | outside
        """

    var text: String {
        let timeout = if case .fixed(let length) = asked.idleTimeout { Int(length.wholeSeconds) } else { 0 }
        let error = predicted.error
        return String(
            format: """
                %4d  %8d %8d %8d %4d | %14.2f ±%.2f %6.2f | %9.0f ±%.0f %6d | %8.2f ±%.2f %6.2f | %9.2f ±%.2f %6.2f |
                """,
            timeout, asked.maxIdle, asked.maxConnections, Int(asked.maxLifetime.wholeSeconds),
            asked.maxRequestsPerConnection, predicted.reuse * 100, error.reuse * 100, shown.reuse * 100,
            predicted.dials, error.dials, Int(shown.totals.dials), predicted.idle, error.idle, shown.idle,
            predicted.waiting * 100, error.waiting * 100, shown.waitingShare * 100)
            + " \(outside.joined(separator: " "))"
    }
}
