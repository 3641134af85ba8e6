import HTTPWire
import Learning
import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

@Suite("A pool records its traffic, and tells what it would do under other settings")
struct TrafficTests {
    /// One request, which takes 100 ms, and then nothing for so long.
    private func serve(_ fixture: UpstreamFixture, idle: Interval, answer: String = "") {
        let exchange = RecordingExchange("next")
        let known = fixture.kernel.peers.count
        fixture.lease(exchange)
        fixture.turn()
        if fixture.kernel.peers.count > known { fixture.peer.accept() }
        fixture.turn()
        fixture.advance(by: .milliseconds(100))
        fixture.send(fixture.peer, "HTTP/1.1 200 OK\r\n\(answer)Content-Length: 0\r\n\r\n")
        fixture.advance(by: idle)
    }

    private func whatIf(_ fixture: UpstreamFixture) throws -> WhatIf {
        guard case .recorded(let whatIf) = fixture.loop.traffic(of: fixture.pool.origin) else {
            throw Missing()
        }
        return whatIf
    }

    private struct Missing: Error {}

    /// 32 requests, after which recording begins.
    private func recording(_ change: (inout EffectiveSettings) -> Void = { _ in }) -> UpstreamFixture {
        let fixture = UpstreamFixture(change)
        for _ in 0..<UpstreamPool.requestsToRecord { serve(fixture, idle: .milliseconds(10)) }
        _ = fixture.loop.takeReport()
        return fixture
    }

    private func asked(_ whatIf: WhatIf, idle: Interval) -> WhatIf.Settings {
        var settings = whatIf.inForce
        settings.idleTimeout = .fixed(idle)
        return settings
    }

    @Test("what is predicted of the settings in force is what was counted, and more idle time gains what it would")
    func predicts() throws {
        let fixture = recording()
        for _ in 0..<50 {
            serve(fixture, idle: .seconds(1))
            serve(fixture, idle: .seconds(10))
        }
        let whatIf = try whatIf(fixture)
        #expect(whatIf.requests == 100 && whatIf.isEnough && whatIf.replayed == 100)
        let seen = whatIf.comparison
        #expect(seen.dials.measured == 49 && abs(seen.dials.predicted - 49) <= 1)
        #expect(seen.reuse.measured == 0.51 && abs(seen.reuse.predicted - 0.51) < 0.02)
        // One second and four of ten, of 11.2.
        #expect(abs(seen.idle.measured - 0.446) < 0.005 && abs(seen.idle.predicted - 0.446) < 0.01)
        let longer = whatIf.predict(asked(whatIf, idle: .seconds(12)))
        #expect(longer.dials < 1 && longer.reuse > 0.99 && abs(longer.idle - 0.98) < 0.01)
        #expect(abs(longer.busy - 0.018) < 0.001 && longer.waiting == 0)
    }

    @Test("requests that wait because all connections are busy are told from those that wait for a dial")
    func queueing() throws {
        let fixture = recording { $0.maxConnections = 1 }
        for _ in 0..<100 {
            let (first, second) = (RecordingExchange("first"), RecordingExchange("second"))
            let known = fixture.kernel.peers.count
            fixture.lease(first)
            fixture.turn()
            if fixture.kernel.peers.count > known { fixture.peer.accept() }
            fixture.turn()
            fixture.lease(second)
            fixture.advance(by: .milliseconds(50))
            fixture.respond(fixture.peer)
            fixture.advance(by: .milliseconds(50))
            fixture.respond(fixture.peer)
            #expect(second.hasEnded)
            fixture.advance(by: .seconds(1))
        }
        let whatIf = try whatIf(fixture)
        #expect(whatIf.comparison.waiting.measured == 0.5 && whatIf.comparison.waiting.predicted == 0.5)
        var wider = whatIf.inForce
        wider.maxConnections = 2
        #expect(whatIf.predict(wider).waiting == 0)
        let narrow = whatIf.predict(whatIf.inForce)
        #expect(abs(narrow.wait.wholeMilliseconds - 50) <= 1 && abs(narrow.busy - 0.091) < 0.001)
    }

    @Test("a request that gives up, and one that is refused, leave nothing busy behind")
    func givenUp() throws {
        let fixture = recording {
            $0.maxConnections = 1
            $0.maxQueue = 1
        }
        fixture.lease(RecordingExchange("first"))
        fixture.turn()
        let waiting = RecordingExchange("waits")
        let id = fixture.pool.lease(
            for: waiting, client: ClientID(rawValue: 1), fresh: false, mayPipeline: false, now: fixture.loop.now)
        let refused = RecordingExchange("refused")
        fixture.lease(refused)
        #expect(refused.refusal != nil)
        fixture.pool.cancel(try #require(id), now: fixture.loop.now)
        fixture.respond(fixture.peer)
        for _ in 0..<100 { serve(fixture, idle: .seconds(1)) }
        var one = try whatIf(fixture).inForce
        one.maxConnections = 1
        #expect(try whatIf(fixture).predict(one).waiting < 0.02)
        #expect(try whatIf(fixture).predict(one).dials <= 1)
    }

    @Test("what the origin names and what was learned of it bound the prediction")
    func knowledge() throws {
        let fixture = recording()
        serve(fixture, idle: .seconds(1), answer: "Keep-Alive: timeout=8\r\n")
        #expect(try whatIf(fixture).knowledge.hinted == .seconds(7))
        #expect(try whatIf(fixture).knowledge.retire == .seconds(7))
        for _ in 0..<3 {
            serve(fixture, idle: .milliseconds(3_400))
            fixture.end(fixture.peer)
            fixture.advance(by: .seconds(2))
        }
        let known = try whatIf(fixture).knowledge
        let limit = try #require(known.limit)
        #expect(abs(limit.wholeMilliseconds - 3_400) < 50 && known.retire < limit && known.reach < .milliseconds(50))
    }

    @Test("an origin with few requests has no record, nor one that was never asked")
    func unrecorded() {
        let fixture = UpstreamFixture()
        for _ in 1..<UpstreamPool.requestsToRecord { serve(fixture, idle: .milliseconds(10)) }
        _ = fixture.loop.takeReport()
        guard case .fewRequests(31) = fixture.loop.traffic(of: fixture.pool.origin) else {
            Issue.record("\(fixture.loop.traffic(of: fixture.pool.origin))")
            return
        }
        guard case .noPool = fixture.loop.traffic(of: Origin(scheme: .http, host: "10.0.0.9", port: 80)) else {
            Issue.record("a pool is there")
            return
        }
    }

    @Test("only so many origins are recorded; one that nobody asks for an hour gives its record up")
    func bounded() {
        let fixture = UpstreamFixture()
        fixture.loop.mostRecorded = 1
        let other = fixture.loop.pool(for: Origin(scheme: .http, host: "127.0.0.2", port: 80))
        for _ in 0..<UpstreamPool.requestsToRecord { serve(fixture, idle: .milliseconds(10)) }
        _ = fixture.loop.takeReport()
        other.statistics.reused = 100
        other.hasUnreportedChanges = true
        _ = fixture.loop.takeReport()
        #expect(fixture.pool.traffic != nil && other.traffic == nil && fixture.loop.recordedPools == 1)
        guard case .noRoom = fixture.loop.traffic(of: other.origin) else {
            Issue.record("\(fixture.loop.traffic(of: other.origin))")
            return
        }
        serve(fixture, idle: .seconds(1))
        _ = fixture.loop.takeReport()
        fixture.advance(by: .hours(1))
        other.statistics.reused = 101
        other.hasUnreportedChanges = true
        _ = fixture.loop.takeReport()
        #expect(other.traffic != nil && fixture.pool.traffic == nil && fixture.loop.recordedPools == 1)
        #expect(fixture.loop.forget(other.origin) && fixture.loop.recordedPools == 0)
    }
}
