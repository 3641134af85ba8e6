package import ProxyTypes

extension WhatIf {
    /// What is expected of a pool, over the time that was observed. Value.
    package struct Prediction: Hashable, BitwiseCopyable, Sendable {
        package var hours: Double
        /// The share of requests that get a connection that has served before.
        package var reuse: Double
        package var dials: Double
        /// Sockets on average.
        package var idle: Double
        package var busy: Double
        /// The share of requests that wait because `max_connections` are busy, how long they do on average, and the share
        /// that `queue_timeout` ends.
        package var waiting: Double
        package var wait: Interval
        package var refused: Double
        /// The share of requests that are sent while the origin closes their connection.
        package var races: Double
        /// More comes than so few connections can serve: waits grow without end, and tell nothing more than that.
        package var isOverloaded = false
        package var error = PredictionError()

        package var dialsPerHour: Double { hours > 0 ? dials / hours : 0 }
        package var sockets: Double { idle + busy }
    }

    /// How far a prediction may be off, in its own units: 19 of 20 are nearer. Value.
    package struct PredictionError: Hashable, BitwiseCopyable, Sendable {
        package var reuse = 0.0
        package var dials = 0.0
        package var idle = 0.0
        package var waiting = 0.0
    }

    /// What the model tells of the settings that were in force, beside what happened. Value.
    package struct Comparison: Hashable, BitwiseCopyable, Sendable {
        package struct Pair: Hashable, BitwiseCopyable, Sendable {
            package var predicted: Double
            package var measured: Double

            var difference: Double { predicted - measured }

            /// `atLeast`: of less, a part says nothing.
            func relativeDifference(atLeast: Double) -> Double { abs(difference) / max(measured, atLeast) }
        }

        /// As in `Prediction`.
        package var reuse: Pair
        package var dials: Pair
        package var idle: Pair
        package var waiting: Pair
    }
}

/// How good it is, as shown by the time in which everything was recorded.
extension WhatIf {
    package var comparison: Comparison {
        let (modelled, counted) = (record.modelledSoFar(now: now), record.counted)
        let span = Double(max(observed.microseconds, 1))
        let leases = Double(max(counted.reused + counted.first, 1))
        let replay = QueueReplay(
            record.recent.all, connections: inForce.maxConnections, patience: inForce.queueTimeout)
        return Comparison(
            reuse: .init(
                predicted: 1 - modelled.dials * firstShare / Double(max(requests, 1)),
                measured: Double(counted.reused) / leases),
            dials: .init(predicted: modelled.dials, measured: Double(counted.dials)),
            idle: .init(predicted: modelled.heldTime / span, measured: Double(counted.idleTime) / span),
            waiting: .init(
                predicted: Double(replay.waiting) / Double(max(replay.requests, 1)),
                measured: Double(record.queued) / Double(max(requests, 1))))
    }

    /// Requests that got a new connection, by new connections: some find another one before theirs is open.
    var firstShare: Double {
        let counted = record.counted
        guard counted.dials > 0 else { return 1 }
        return min(Double(counted.first) / Double(counted.dials), 1)
    }

    /// What it was off for the settings in force, what the model leaves out, and the chance in what was counted.
    func error(of prediction: Prediction, _ question: GapQuestion, replayed: Double) -> PredictionError {
        let (seen, dialled) = (comparison, prediction.dials)
        let count = Double(max(requests, 1))
        let bounded = boundedShare(of: prediction, question)
        // Only requests that come about when a connection ends are told wrong: never more than are of either kind.
        let doubtful = min(dialled, max(count - dialled, 0))
        let chance = 2 * max(dialled * (1 - dialled / count), 1).squareRoot()
        let dials = Self.norm(
            seen.dials.relativeDifference(atLeast: 10) * dialled, chance, sensitivity(question),
            (Self.leastDialError + Self.boundedError * bounded) * doubtful)
        let first = firstShare
        let reuse = Self.norm(
            dials * first / count, Self.firstError * first * doubtful / count, seen.reuse.difference, 0.001)
        let idle = Self.norm(
            seen.idle.relativeDifference(atLeast: 0.5), Self.leastIdleError + Self.boundedError * bounded)
        let waiting = prediction.waiting
        // Requests that wait come in crowds.
        let luck = 2 * (Self.crowd * (waiting * (1 - waiting) + 1 / replayed) / replayed).squareRoot()
        return PredictionError(
            reuse: reuse, dials: dials, idle: idle * prediction.idle + 0.1,
            waiting: Self.norm(luck, seen.waiting.difference))
    }

    /// How much of the dials is due to `max_idle`, `max_lifetime` and the like, of whose effects the model knows less.
    private func boundedShare(of prediction: Prediction, _ question: GapQuestion) -> Double {
        var unbounded = question
        unbounded.maxIdle = .max
        unbounded.lifetime = .infinite
        unbounded.maxRequests = 0
        let dials = record.sketch.predict(unbounded, onceShare: record.onceShare, now: now).dials
        return min(max(1 - dials / max(prediction.dials, 1), 0), 1)
    }

    /// Where requests come at fixed intervals, a time-out of nearly that length decides by chance: what a little more or less
    /// of it would change.
    private func sensitivity(_ question: GapQuestion) -> Double {
        func dials(_ percent: Int64) -> Double {
            let near = question.scaled(percent: percent)
            return record.sketch.predict(near, onceShare: record.onceShare, now: now).dials
        }
        return abs(dials(98) - dials(102)) / 2
    }

    private static let leastDialError = 0.1
    private static let leastIdleError = 0.15
    private static let boundedError = 0.3
    private static let firstError = 0.15
    private static let crowd = 10.0

    private static func norm(_ parts: Double...) -> Double { parts.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

extension GapQuestion {
    /// With ages that are so much of what they are.
    func scaled(percent: Int64) -> GapQuestion {
        func scaled(_ age: Interval) -> Interval { .scaled(age.nanoseconds / 100, percent) }
        var near = self
        (near.once, near.repeatable, near.retire) = (scaled(once), scaled(repeatable), scaled(retire))
        return near
    }
}
