package import Diagnosis
import Pooling
package import ProxyTypes

/// Why no examination is begun. Value.
package enum ExaminationRefusal: Error, Equatable, Sendable {
    /// One of this origin is under way.
    case underWay
    /// So many are under way.
    case tooMany(Int)
    case paused
    case shutdown
    /// `max_connections`, `max_upstream_connections` or local ports allow no connection, requests wait for one, or they
    /// may not wait and have too few to spare.
    case noRoom
}

/// The examinations of one loop: those under way, and the last ones that are over. Loop-bound.
package final class Examiners {
    private unowned let loop: UpstreamLoop
    /// In the order in which they began.
    private var all: [OriginExaminer] = []

    package static let mostAtOnce = 4
    private static let mostKept = 32

    init(_ loop: UpstreamLoop) {
        self.loop = loop
    }

    /// The latest one of the origin.
    package func examiner(of origin: Origin) -> OriginExaminer? { all.last { $0.origin == origin } }

    func isExamining(_ origin: Origin) -> Bool { all.contains { !$0.isOver && $0.origin == origin } }

    package func begin(
        _ plan: ExaminationPlan, of origin: Origin, userAgent: String
    ) throws(ExaminationRefusal) -> OriginExaminer {
        let underWay = all.filter { !$0.isOver }
        guard !underWay.contains(where: { $0.origin == origin }) else { throw .underWay }
        guard underWay.count < Self.mostAtOnce else { throw .tooMany(underWay.count) }
        let pool = loop.pool(for: origin)
        guard !pool.machine.isShutDown else { throw .shutdown }
        guard !pool.isPaused else { throw .paused }
        guard pool.takeForGuest() else { throw .noRoom }
        pool.guestLeft(now: loop.now)
        let examiner = OriginExaminer(pool, plan, userAgent: userAgent)
        all.removeAll { $0.origin == origin }
        if all.count >= Self.mostKept, let oldest = all.firstIndex(where: \.isOver) { all.remove(at: oldest) }
        all.append(examiner)
        examiner.start()
        return examiner
    }

    func stopAll() {
        for examiner in all { examiner.stop(.shutdown) }
    }
}
