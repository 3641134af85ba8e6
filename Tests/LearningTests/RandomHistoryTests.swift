import Learning
import ProxyTypes
import Testing

/// Random events: the bounds stay in order, what is kept comes back the same, and nothing overflows.
@Suite("Random histories of closes")
struct RandomHistoryTests {
    private static let start: Int64 = 1_700_000_000_000

    @Test("keep the bounds in order, and come back as they were kept", arguments: 1...40)
    func invariants(_ block: Int) throws {
        for episode in 0..<8 {
            var history = RandomHistory(seed: UInt64(block * 8 + episode), now: Self.start)
            for _ in 0..<200 {
                history.step()
                try check(history)
            }
        }
    }

    private func check(_ history: RandomHistory) throws {
        let (learner, now) = (history.learner, history.now)
        let bounds = learner.bounds(now: now)
        #expect(bounds.post >= .zero && bounds.post <= .seconds(2 * 840))
        #expect(bounds.repeat >= .zero && bounds.retire >= .zero)
        #expect(bounds.zones.count <= 4)
        for index in bounds.zones.indices {
            let zone = bounds.zones[index]
            #expect(zone.low >= .zero && zone.low < zone.high)
            if index > 0 { #expect(bounds.zones[index - 1].high < zone.low) }
            #expect(!bounds.isSafe(zone.low) && !bounds.isSafe(zone.high - .micro(1)))
        }
        #expect(!bounds.isSafe(bounds.post))
        #expect((0...100).contains(learner.confidence(now: now)))
        #expect(!learner.text(now: now).isEmpty)

        let packed = learner.packed
        #expect(packed.count <= 268)
        var again = try #require(IdleLimitLearner(packed: packed, now: now))
        again.measured(history.delays)
        #expect(again.packed == packed)
        var both = again
        both.merge(learner)
        #expect(both.packed.count <= 268)
    }

    /// Of every answer on the way: a change of any rule changes one of them. Change them on purpose only.
    static let digests: [UInt64] = [
        0x73B2_BA72_335E_7130, 0x1F48_3BEB_871E_270A, 0x34FD_3B73_3EC9_AE21, 0xE4CB_DBFA_DAAD_02F8,
        0x8528_AD19_5643_AA6F, 0x2C63_5DB1_B08F_7598, 0xA37D_1D64_F3D4_6796, 0xF3AF_DCFA_EC56_61F0,
        0xDA00_7579_C0ED_879E, 0x5880_78CF_76BF_20CF, 0xD411_1F21_92FB_4D0E, 0xCC22_01F1_EBA5_DC7C,
        0x47B3_3478_23C8_A2D7, 0x0A7E_C820_24E7_8564, 0x1BF2_A276_DD38_B2EC, 0x3741_BD00_D5CB_199D,
        0xE3FD_4CCC_D333_CD30, 0x7B21_F0F1_B82F_E3CA, 0x4F5F_3B64_A68E_A350, 0x11EE_F6EE_C07B_633D,
        0x9C87_C7D8_0C7E_C856, 0x7DCA_473B_3FD0_ED2F, 0x2ECD_BA8B_C762_2197, 0xB9F9_3DBE_7DC8_C129,
    ]

    @Test("are answered as ever", arguments: digests.indices)
    func digest(_ seed: Int) {
        var history = RandomHistory(seed: UInt64(seed), now: Self.start)
        var digest = Digest()
        for _ in 0..<400 {
            history.step()
            digest.add(history.learner.bounds(now: history.now))
            digest.add(history.learner.packed)
        }
        digest.add(Array(history.learner.text(now: history.now).utf8))
        #expect(digest.value == Self.digests[seed])
    }

    @Test("bytes that were not packed are refused, or do no harm", arguments: 1...20)
    func spoiled(_ seed: UInt64) {
        var history = RandomHistory(seed: seed, now: Self.start)
        for _ in 0..<100 { history.step() }
        let packed = history.learner.packed
        for count in 0..<packed.count {
            #expect(IdleLimitLearner(packed: Array(packed[..<count]), now: history.now) == nil)
        }
        #expect(IdleLimitLearner(packed: packed + [0], now: history.now) == nil)
        #expect(IdleLimitLearner(packed: [2] + packed.dropFirst(), now: history.now) == nil)
        for _ in 0..<50 {
            var bytes = packed
            for _ in 0...history.random.below(4) {
                bytes[history.random.below(bytes.count)] = UInt8(history.random.below(256))
            }
            guard let learner = IdleLimitLearner(packed: bytes, now: history.now) else { continue }
            var other = history
            other.learner = learner
            for _ in 0..<50 { other.step() }
            other.learner.merge(history.learner)
            _ = other.learner.bounds(now: other.now)
            _ = other.learner.text(now: other.now)
        }
    }

    @Test("the longest times do not overflow")
    func extremes() {
        var learner = IdleLimitLearner()
        learner.measured(PathDelays(roundTrip: .infinite, variation: .infinite, retransmission: .infinite))
        let now = Self.start
        for age in [Interval.infinite, .zero, Interval(nanoseconds: .min), .hours(1_000_000)] {
            let period = IdlePeriod(age: age, lag: .infinite, told: .zero)
            for _ in 0..<4 {
                learner.closed(period, requests: .max, now: now)
                learner.reused(period)
                learner.rested(age)
                learner.kept(period)
                learner.outlived(period)
                learner.hinted(age, now: now)
                learner.probed(age, answered: false, now: now)
                for sign in [FailedReuse.Sign.closed, .reset, .silence] {
                    let failure = FailedReuse(sign, elapsed: .infinite, shortestRoundTrip: .infinite)
                    learner.lost(period, failure, requests: 1, now: now)
                }
                _ = learner.bounds(now: now, margin: .infinite)
                _ = learner.text(now: now)
            }
        }
        #expect(IdleLimitLearner(packed: learner.packed, now: now) != nil)
    }

    @Test("a learner takes little room")
    func room() {
        #expect(MemoryLayout<IdleLimitLearner>.size <= 832)
    }
}

/// Events at random about one origin.
struct RandomHistory {
    var learner = IdleLimitLearner()
    var random: SeededRandom
    private(set) var now: Int64
    let delays: PathDelays
    /// In percent: ages that follow no limit.
    private let scattered: Int
    private var earlier: IdleLimitLearner?

    init(seed: UInt64, now: Int64) {
        random = SeededRandom(seed: seed)
        self.now = now
        let (longest, loss) = ([1, 30, 300][random.below(3)], random.below(2))
        delays = PathDelays(
            roundTrip: .micro(Int64(random.below(longest * 1000))),
            variation: .micro(Int64(random.below(longest * 200))), retransmission: .milliseconds(loss == 0 ? 0 : 250))
        scattered = [0, 2, 10, 50, 100][random.below(5)]
        learner.measured(delays)
    }

    mutating func step() {
        now += any(1, 1_000_000)
        let age = age()
        var period = IdlePeriod(age: age, lag: .micro(any(100, 10_000_000)))
        switch random.below(16) {
        case 0...3: learner.closed(period, requests: 1 + random.below(200), now: now)
        case 4...6: learner.reused(period)
        case 7:
            period.told = .micro(Int64(random.below(Int(age.microseconds) + 1)))
            learner.kept(period)
        case 8: learner.outlived(period)
        case 9:
            let sign = [FailedReuse.Sign.closed, .reset, .silence][random.below(3)]
            let failure = FailedReuse(
                sign, elapsed: .micro(Int64(random.below(1_000_000))), shortestRoundTrip: .milliseconds(10))
            learner.lost(period, failure, requests: 5, now: now)
        case 10: learner.probed(age, answered: random.below(5) > 0, now: now)
        case 11: learner.hinted(.seconds([0, 5, 60][random.below(3)]), now: now)
        case 12: learner.servedBy(UInt32(random.below(4)), now: now)
        case 13: learner.served(requests: random.below(300))
        case 14:
            let other = earlier
            earlier = learner
            if random.below(8) == 0, let other { learner.merge(other) }
        default:
            let requests = random.below(3) == 0 ? 7 : 100
            learner.closed(IdlePeriod(age: .micro(1), lag: .zero), requests: requests, now: now)
        }
    }

    private mutating func age() -> Interval {
        if random.below(100) < scattered { return .micro(any(10_000, 3_000_000_000)) }
        return .seconds([5, 60, 75][random.below(3)]) + .micro(any(1, 40_000))
    }

    /// Every order of magnitude is as likely as another.
    private mutating func any(_ low: Int64, _ high: Int64) -> Int64 {
        var bound = low
        while bound < high, random.below(3) > 0 { bound = min(bound * 4, high) }
        return low + Int64(random.below(Int(bound)))
    }
}

/// FNV-1a. Value.
struct Digest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }

    mutating func add(_ bounds: IdleBounds) {
        add(bounds.post, bounds.repeat, bounds.retire, bounds.hold, bounds.milestone, bounds.keepAliveAt)
        add(.milliseconds(Int64(bounds.park)), .milliseconds(Int64(bounds.maxRequests)), bounds.watermark)
        for index in bounds.zones.indices { add(bounds.zones[index].low, bounds.zones[index].high) }
        add(Array(bounds.state.rawValue.utf8))
    }

    private mutating func add(_ lengths: Interval...) {
        for length in lengths {
            for shift in stride(from: 0, to: 64, by: 8) {
                add([UInt8(truncatingIfNeeded: length.microseconds >> shift)])
            }
        }
    }
}
