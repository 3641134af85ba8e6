package import Learning
package import Metering
package import ProxyTypes
package import Pooling
import Reactor
package import Tuning

/// Reports for the control plane, and its orders. Every call is on the loop.
extension UpstreamLoop {
    /// The most bytes that one connection holds of a response that cannot be parsed yet, and of what its origin has not taken:
    /// tests look whether it is bounded.
    package var mostBuffered: (input: Int, output: Int) {
        var most = (input: 0, output: 0)
        for pool in allPools {
            for connection in pool.sockets.connections {
                most.input = max(most.input, connection.partial.count)
                most.output = max(most.output, connection.stream.unsentBytes)
            }
        }
        return most
    }

    /// Milliseconds since 1970, for records only.
    package var wallClock: Int64 { reactor.wallClock }

    /// Origins where something happened since the last call, and what ended since then.
    package func takeReport() -> LoopReport {
        var report = LoopReport(metrics: metrics, forgotten: forgotten, ended: ended)
        ended = EndedRecords()
        report.metrics.longestRound = reactor.rounds.longest.microseconds
        report.metrics.slowRounds = reactor.rounds.slowCount
        if recordedPools >= mostRecorded { dropOldRecords() }
        for pool in allPools where pool.hasUnreportedChanges {
            pool.hasUnreportedChanges = false
            noteTraffic(of: pool)
            if let limit = pool.takeUnsavedLearning() { report.ended.learned.append(limit) }
            report.origins.append(
                OriginSnapshot(origin: pool.origin, statistics: pool.statistics, gauges: pool.gauges))
        }
        return report
    }

    /// What the kernel refused when the origin was dialled, as it is set now.
    package func refusedSettings(of origin: Origin) -> [(setting: Setting, reason: String)] {
        existingPool(for: origin)?.refused.all ?? []
    }

    package var origins: [Origin] { allPools.map(\.origin) }

    package func apply(_ settings: [(Origin, EffectiveSettings)]) {
        for (origin, settings) in settings { existingPool(for: origin)?.apply(settings, now: now) }
    }

    /// Those that live, by number; `after` is the last one of the part before.
    package func connections(of origin: Origin?, state: ConnectionState?, after: UInt64, limit: Int)
        -> [ConnectionRecord]
    {
        let pools = origin.map { existingPool(for: $0).map { [$0] } ?? [] } ?? allPools
        var found: [UpstreamConnection] = []
        for pool in pools {
            for connection in pool.sockets.connections {
                if connection.number > after, state == nil || pool.state(of: connection) == state {
                    found.append(connection)
                }
            }
        }
        found.sort { $0.number < $1.number }
        return found.prefix(limit).map { describe($0) }
    }

    package func connection(_ number: UInt64) -> ConnectionRecord? {
        guard let connection = find(number) else { return nil }
        var record = describe(connection)
        record.socket = connection.stream.socketFacts
        return record
    }

    /// How the path to the origin treats silent connections; nil where there is nothing to tell.
    package func path(to origin: Origin) -> (limit: PathLimit, bound: Interval?)? {
        guard let pool = existingPool(for: origin), pool.machine.path != PathLimit() else { return nil }
        return (pool.machine.path, pool.machine.pathBound(now: now))
    }

    /// What was recorded of the origin's traffic.
    package func traffic(of origin: Origin) -> TrafficAnswer {
        guard let pool = existingPool(for: origin) else { return .noPool }
        noteTraffic(of: pool)
        if let whatIf = pool.whatIf(now: now) { return .recorded(whatIf) }
        let requests = pool.statistics.reused + pool.statistics.firstLeases
        return requests < UpstreamPool.requestsToRecord ? .fewRequests(requests) : .noRoom
    }

    /// Origins that nobody asks any more make room for others.
    private func dropOldRecords() {
        for pool in allPools where pool.traffic != nil && pool.isTrafficOld(now: now) {
            pool.traffic = nil
            recordedPools -= 1
        }
    }

    private func noteTraffic(of pool: UpstreamPool) {
        let hadNone = pool.traffic == nil
        pool.noteTraffic(mayBegin: recordedPools < mostRecorded, now: now)
        if hadNone, pool.traffic != nil { recordedPools += 1 }
    }

    /// What was learned of the origin; nil where it has no pool. `obeyed`: at which age its idle connections are closed for
    /// that; nil where it is not obeyed.
    package func learning(of origin: Origin) -> (learning: IdleLearning, obeyed: Interval?)? {
        existingPool(for: origin).map { ($0.learning, $0.learnedIdleBound) }
    }

    /// The socket options of one open connection to the origin.
    package func socketFacts(of origin: Origin) -> SocketFacts? {
        guard let pool = existingPool(for: origin) else { return nil }
        for connection in pool.sockets.connections where connection.purpose == .requests {
            if let facts = connection.stream.socketFacts { return facts }
        }
        return nil
    }

    /// Nil where it does not live.
    package func close(connection number: UInt64, force: Bool) -> ConnectionRecord? {
        guard let connection = find(number) else { return nil }
        let record = describe(connection)
        connection.pool.close(connection, force: force, now: now)
        return record
    }

    private func find(_ number: UInt64) -> UpstreamConnection? {
        for pool in allPools {
            if let found = pool.sockets.connections.first(where: { $0.number == number }) { return found }
        }
        return nil
    }

    private func describe(_ connection: UpstreamConnection) -> ConnectionRecord {
        let state = connection.pool.state(of: connection)
        var record = connection.record(state: state, wall: wallClock, now: now)
        record.tcp = connection.stream.tcpInfo
        record.reason = connection.closeReason
        return record
    }
}

/// One loop's statistics at a moment. Value.
package struct LoopReport: Sendable {
    package var metrics: ProxyMetrics
    /// Of origins whose pools are gone, summed.
    package var forgotten: OriginStatistics
    package var ended: EndedRecords
    package var origins: [OriginSnapshot] = []
}

/// What can be told of an origin's traffic. Value.
package enum TrafficAnswer: Sendable {
    case recorded(WhatIf)
    /// No request has gone there.
    case noPool
    case fewRequests(Int)
    /// As many origins as can be are recorded.
    case noRoom
}
