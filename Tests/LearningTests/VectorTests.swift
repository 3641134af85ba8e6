import Foundation
import Learning
import ProxyTypes
import Testing

/// Histories with the answers expected on the way, to the digit: `Fixtures/idle-limit-vectors.json`. Ages are
/// microseconds there, and times milliseconds after its `t0_ms`.
@Suite("Golden histories of closes")
struct VectorTests {
    @Test("every answer is as recorded", arguments: VectorFile.shared.vectors)
    func answers(_ vector: Vector) throws {
        var learner = IdleLimitLearner()
        learner.measured(vector.path.delays)
        var delays = vector.path.delays
        for (number, step) in vector.steps.enumerated() {
            if step.do == "path" { delays = try step.delays }
            try step.apply(to: &learner, delays: delays)
            guard let expected = step.answer else { continue }
            #expect(Answer(learner, now: step.now) == expected, "step \(number): \(vector.why)")
        }
    }

    @Test("there are as many as there should be")
    func count() {
        #expect(VectorFile.shared.vectors.count == 24)
        #expect(VectorFile.shared.vectors.allSatisfy { $0.steps.contains { $0.answer != nil } })
    }
}

struct VectorFile: Decodable {
    let t0_ms: Int64
    let vectors: [Vector]

    static let shared: VectorFile = {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        do {
            let bytes = try Data(contentsOf: tests.appending(path: "Fixtures/idle-limit-vectors.json"))
            return try JSONDecoder().decode(VectorFile.self, from: bytes)
        } catch {
            fatalError("\(error)")
        }
    }()
}

struct Vector: Decodable, CustomTestStringConvertible {
    struct Path: Decodable {
        let rtt: Int64
        let wander: Int64
        let resend: Int64

        var delays: PathDelays {
            PathDelays(roundTrip: .micro(rtt), variation: .micro(wander), retransmission: .micro(resend))
        }
    }

    let name: String
    let why: String
    let path: Path
    let steps: [Step]

    var testDescription: String { name }
}

/// One event, or a question.
struct Step: Decodable {
    let at: Int64
    let `do`: String
    let age: Int64?
    let lag: Int64?
    let told: Int64?
    let requests: Int?
    let elapsed: Int64?
    let shortest: Int64?
    let how: String?
    let answered: Bool?
    let timeout: Int64?
    let fingerprint: UInt32?
    let rtt: Int64?
    let wander: Int64?
    let resend: Int64?
    let other: [Step]?
    let answer: Answer?

    var now: Int64 { VectorFile.shared.t0_ms + at }

    var delays: PathDelays {
        get throws {
            PathDelays(
                roundTrip: .micro(try #require(rtt)), variation: .micro(try #require(wander)),
                retransmission: .micro(try #require(resend)))
        }
    }

    private var period: IdlePeriod {
        get throws {
            IdlePeriod(
                age: .micro(try #require(age)), lag: .micro(try #require(lag)), told: .micro(try #require(told)))
        }
    }

    private var failure: FailedReuse {
        get throws {
            let signs = ["closed": FailedReuse.Sign.closed, "reset": .reset, "silent": .silence]
            let sign = try #require(how.flatMap { signs[$0] })
            return FailedReuse(
                sign, elapsed: .micro(try #require(elapsed)), shortestRoundTrip: .micro(try #require(shortest)))
        }
    }

    func apply(to learner: inout IdleLimitLearner, delays: PathDelays) throws {
        switch `do` {
        case "closed": learner.closed(try period, requests: try #require(requests), now: now)
        case "reused": learner.reused(try period)
        case "kept": learner.kept(try period)
        case "outlived": learner.outlived(try period)
        case "lost": learner.lost(try period, try failure, requests: try #require(requests), now: now)
        case "probed": learner.probed(.micro(try #require(age)), answered: try #require(answered as Bool?), now: now)
        case "served": learner.served(requests: try #require(requests))
        case "hinted": learner.hinted(.micro(try #require(timeout)), now: now)
        case "served_by": learner.servedBy(try #require(fingerprint), now: now)
        case "path": learner.measured(try self.delays)
        case "restored":
            learner = try #require(IdleLimitLearner(packed: learner.packed, now: now))
            learner.measured(delays)
        case "merged":
            var another = IdleLimitLearner()
            for step in try #require(other) { try step.apply(to: &another, delays: delays) }
            learner.merge(another)
        case "expect": break
        default: Issue.record("no event \(`do`)")
        }
    }
}

/// All that can be asked, in microseconds.
struct Answer: Decodable, Equatable {
    let state: String
    let post: Int64
    let `repeat`: Int64
    let retire: Int64
    let zones: [[Int64]]
    let park: Int
    let hold: Int64
    let milestone: Int64
    let keepalive_at: Int64
    let max_requests: Int
    let by_request: Bool
    let watermark: Int64
    /// The limit, its deviation, and closes.
    let estimate: [Int64]?
    let confidence: Int
    let text: String
    let packed: String

    init(_ learner: IdleLimitLearner, now: Int64) {
        let bounds = learner.bounds(now: now)
        state = bounds.state.rawValue
        post = bounds.post.microseconds
        `repeat` = bounds.repeat.microseconds
        retire = bounds.retire.microseconds
        zones = bounds.zones.indices.map {
            [bounds.zones[$0].low.microseconds, bounds.zones[$0].high.microseconds]
        }
        park = bounds.park
        hold = bounds.hold.microseconds
        milestone = bounds.milestone.microseconds
        keepalive_at = bounds.keepAliveAt.microseconds
        max_requests = bounds.maxRequests
        by_request = bounds.countsFromRequest
        watermark = bounds.watermark.microseconds
        estimate = learner.estimate().map { [$0.limit.microseconds, $0.deviation.microseconds, Int64($0.hits)] }
        confidence = learner.confidence(now: now)
        text = learner.text(now: now)
        packed = learner.packed.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension Interval {
    static func micro(_ count: Int64) -> Interval { Interval(nanoseconds: count * 1000) }
}
