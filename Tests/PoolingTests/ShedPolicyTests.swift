import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("Whose idle connections are closed when room or descriptors run short")
struct ShedPolicyTests {
    private typealias Candidate = ShedPolicy.Candidate
    private typealias Share = ShedPolicy.Share

    private static func at(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }

    /// Whatever the order of the candidates.
    private func expect(_ count: Int, of candidates: [Candidate], _ shares: [Share]) {
        #expect(ShedPolicy.choose(count, of: candidates) == shares)
        #expect(ShedPolicy.choose(count, of: candidates.reversed()) == shares)
    }

    @Test("the pool with the most idle connections gives one up")
    func most() {
        let few = Candidate(pool: 1, shared: 1, idleSince: Self.at(1))
        let many = Candidate(pool: 2, shared: 3, idleSince: Self.at(9))
        expect(1, of: [few, many], [Share(pool: 2, count: 1)])
        expect(3, of: [few, many], [Share(pool: 2, count: 2), Share(pool: 1, count: 1)])
    }

    @Test("among equals the longest idle connection goes, then that of the oldest pool")
    func ties() {
        let younger = Candidate(pool: 1, shared: 2, idleSince: Self.at(5))
        let older = Candidate(pool: 2, shared: 2, idleSince: Self.at(4))
        expect(1, of: [younger, older], [Share(pool: 2, count: 1)])
        let equal = Candidate(pool: 3, shared: 2, idleSince: Self.at(4))
        expect(1, of: [equal, older, younger], [Share(pool: 2, count: 1)])
    }

    @Test("distrusted connections go first, the longest idle before the others")
    func distrusted() {
        let shared = Candidate(pool: 1, shared: 30, idleSince: Self.at(0))
        let one = Candidate(pool: 2, distrusted: 1, shared: 5, idleSince: Self.at(3))
        let two = Candidate(pool: 3, distrusted: 2, idleSince: Self.at(4))
        expect(1, of: [shared, one, two], [Share(pool: 2, count: 1)])
        expect(
            4, of: [shared, one, two],
            [Share(pool: 2, count: 1), Share(pool: 3, count: 2), Share(pool: 1, count: 1)])
    }

    @Test("connections pinned to a client go last, wherever they are")
    func pinned() {
        let pinned = Candidate(pool: 1, pinned: 9, idleSince: Self.at(0))
        let both = Candidate(pool: 2, shared: 1, pinned: 1, idleSince: Self.at(7))
        expect(1, of: [pinned, both], [Share(pool: 2, count: 1)])
        expect(2, of: [pinned, both], [Share(pool: 2, count: 1), Share(pool: 1, count: 1)])
    }

    @Test("no more than there are, and none where none is wanted")
    func bounds() {
        let candidate = Candidate(pool: 1, distrusted: 1, shared: 1, pinned: 1, idleSince: Self.at(0))
        let empty = Candidate(pool: 2, idleSince: Self.at(0))
        expect(9, of: [candidate, empty], [Share(pool: 1, count: 3)])
        expect(1, of: [empty], [])
        expect(1, of: [], [])
        expect(0, of: [candidate], [])
        expect(-1, of: [candidate], [])
    }

    @Test("out of descriptors a quarter of what is idle goes, spread over the pools that have the most")
    func descriptors() {
        let candidates = [
            Candidate(pool: 1, shared: 8, pinned: 4, idleSince: Self.at(1)),
            Candidate(pool: 2, shared: 16, idleSince: Self.at(1)),
            Candidate(pool: 3, pinned: 9, idleSince: Self.at(0)),
        ]
        let shares = [Share(pool: 2, count: 4), Share(pool: 1, count: 2)]
        #expect(ShedPolicy.underDescriptorPressure(candidates) == shares)
        #expect(ShedPolicy.underDescriptorPressure(candidates.reversed()) == shares)
    }

    @Test("out of descriptors, with one idle connection per pool, those idle longest go, and not all")
    func descriptorsOfManyPools() {
        let candidates = (0..<8).map { Candidate(pool: $0, shared: 1, idleSince: Self.at(Int64(100 - $0))) }
        #expect(
            ShedPolicy.underDescriptorPressure(candidates) == [Share(pool: 7, count: 1), Share(pool: 6, count: 1)])
    }

    @Test("out of descriptors, pinned connections go where there are no others, and at least one goes")
    func descriptorsPinned() {
        let pinned = Candidate(pool: 1, pinned: 1, idleSince: Self.at(0))
        #expect(ShedPolicy.underDescriptorPressure([pinned]) == [Share(pool: 1, count: 1)])
        #expect(ShedPolicy.underDescriptorPressure([]) == [])
        let one = Candidate(pool: 2, distrusted: 1, idleSince: Self.at(0))
        #expect(ShedPolicy.underDescriptorPressure([pinned, one]) == [Share(pool: 2, count: 1)])
    }

    @Test("a pool says what it could close: not what is in use, nor a login that is under way")
    func candidates() {
        let pool = PoolFixture()
        #expect(pool.shedCandidate() == nil)
        let since = pool.time.now
        let ids = pool.becomeIdle(4)
        pool.lease(1, client: 1)
        pool.pin(ids[3], to: 1, isLoggingIn: true)
        pool.release(ids[3])
        pool.lease(2, client: 2)
        pool.pin(ids[2], to: 2)
        #expect(pool.shedCandidate() == ShedPolicy.Candidate(pool: 7, shared: 2, idleSince: since))
        pool.release(ids[2])
        #expect(pool.shedCandidate() == ShedPolicy.Candidate(pool: 7, shared: 2, pinned: 1, idleSince: since))
        #expect(pool.shedIdle(9).count == 3)
        #expect(pool.shedCandidate() == nil)
    }

    @Test("a pool names its distrusted connections apart")
    func distrustedCandidates() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(3)
        pool.lease(1)
        pool.lose(ids[2])
        #expect(pool.shedCandidate()?.distrusted == 2)
        #expect(pool.shedCandidate()?.shared == 0)
    }
}

@Suite("Claims of the pools that wait for room in the total")
struct RoomQueueTests {
    @Test("the earliest claim comes first; of several, pools take turns")
    func order() {
        var queue = RoomQueue()
        queue.update(5, wanted: 2, claim: .zero + .seconds(2))
        queue.update(3, wanted: 1, claim: .zero + .seconds(1))
        queue.update(4, wanted: 1, claim: .zero + .seconds(1))
        #expect(queue.wanted == 4 && queue.earliestClaim == .zero + .seconds(1))
        #expect(queue.takeTurn() == 3)
        #expect(queue.takeTurn() == 4)
        #expect(queue.takeTurn() == 3)
        queue.update(3, wanted: 1, claim: .zero + .seconds(3))
        #expect(queue.takeTurn() == 4)
        queue.update(4, wanted: 0, claim: .distantFuture)
        #expect(queue.takeTurn() == 5)
    }

    @Test("a pool whose number of waiting dials changes keeps its place, and leaves when there are none")
    func changes() {
        var queue = RoomQueue()
        queue.update(1, wanted: 1, claim: .zero)
        queue.update(2, wanted: 4, claim: .zero)
        queue.update(1, wanted: 3, claim: .zero)
        #expect(queue.wanted == 7)
        #expect(queue.takeTurn() == 1)
        queue.update(2, wanted: 0, claim: .distantFuture)
        #expect(queue.wanted == 3)
        queue.update(9, wanted: 0, claim: .distantFuture)
        queue.update(1, wanted: 0, claim: .distantFuture)
        #expect(queue.isEmpty && queue.wanted == 0)
        #expect(queue.takeTurn() == nil)
    }
}

@Suite("What a budget expects")
struct BudgetStageTests {
    @Test("a connection that closes counts until its socket is gone, and its room is expected")
    func closing() {
        let pool = PoolFixture(total: 2)
        let ids = pool.becomeIdle(2)
        #expect(pool.total.expectedRoom == 0)
        #expect(pool.shedIdle(1).count == 1)
        #expect(pool.total.expectedRoom == 1 && !pool.total.hasRoom)
        pool.noteClosing(ids[1])
        #expect(pool.total.expectedRoom == 2 && pool.origin.expectedRoom == 32)
        pool.closed(ids[0])
        pool.closed(ids[1])
        #expect(pool.total.expectedRoom == 2 && pool.total.taken == 0)
    }

    @Test("a leased one that drains may stay long: its room is not expected yet")
    func draining() {
        let pool = PoolFixture(total: 1)
        let ids = pool.becomeIdle(1)
        pool.lease(1)
        _ = pool.drain(.drained)
        #expect(pool.total.expectedRoom == 0 && !pool.total.isExceeded)
        pool.total.limit = 0
        #expect(!pool.total.isExceeded, "it drains already")
        pool.closed(ids[0])
        #expect(pool.total.taken == 0 && pool.total.expectedRoom == 0)
    }
}
