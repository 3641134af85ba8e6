/// The keep-alive race: a request is sent on an idle connection in the moment in which the origin closes it. Values.

/// What reuse by risk cost and spared, and what the races that were lost nevertheless have cost. Races are counted by
/// `OriginStatistics.staleRetried` and `staleSurfaced`.
package struct RaceStatistics: Hashable, Sendable {
    /// Requests that idle connections were too old for: each waited for another one, mostly a new one.
    package var passedOver = 0
    /// Of those, whose connection the origin closed before their bytes could have reached it.
    package var prevented = 0
    /// Microseconds from sending a request to sending it again, or to its failure.
    package var lostTime: Int64 = 0

    package init() {}

    package static func += (a: inout RaceStatistics, b: RaceStatistics) {
        a.passedOver += b.passedOver
        a.prevented += b.prevented
        a.lostTime += b.lostTime
    }

    package static func - (a: RaceStatistics, b: RaceStatistics) -> RaceStatistics {
        var made = RaceStatistics()
        made.passedOver = a.passedOver - b.passedOver
        made.prevented = a.prevented - b.prevented
        made.lostTime = a.lostTime - b.lostTime
        return made
    }
}

/// A race that a request has lost.
package struct LostRace: Hashable, Sendable {
    package enum Sign: String, CaseIterable, Sendable {
        case fin, reset, silence
    }

    /// How long the connection had been idle, in microseconds; 0 where its request was sent behind others.
    package var idle: Int64
    /// Requests that the connection had served before.
    package var served: Int
    /// What showed that it is gone.
    package var sign: Sign
    /// Whether the origin's host has acknowledged any byte of the request: then the origin may have seen some of it. Nil
    /// where that is not known, as behind TLS.
    package var isAcknowledged: Bool?
    /// What it cost, in microseconds: from sending the request to sending it again, or to its failure.
    package var cost: Int64 = 0

    package init(idle: Int64, served: Int, sign: Sign, isAcknowledged: Bool?) {
        self.idle = idle
        self.served = served
        self.sign = sign
        self.isAcknowledged = isAcknowledged
    }
}
