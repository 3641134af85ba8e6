package import ProxyTypes

/// Answers what a pool would have done under other settings, from what was recorded of its traffic. Value; no side
/// effects.
///
/// Requests come as they came and take as long as they took; only the settings differ. So it does not tell what a faster or
/// slower origin, or clients that come sooner because they waited less, would change. Connections that belong to one
/// client (authentication), pipelining, tunnels and `min_idle` are not part of it.
package struct WhatIf: Sendable {
    /// The settings that can be asked about, as `connctl set` names them.
    package struct Settings: Hashable, BitwiseCopyable, Sendable {
        package var idleTimeout: IdleTimeout
        package var maxIdle: Int
        package var maxConnections: Int
        package var maxLifetime: Interval
        /// 0: no limit.
        package var maxRequestsPerConnection: Int
        package var queueTimeout: Interval

        package init(
            idleTimeout: IdleTimeout, maxIdle: Int, maxConnections: Int, maxLifetime: Interval,
            maxRequestsPerConnection: Int, queueTimeout: Interval
        ) {
            self.idleTimeout = idleTimeout
            self.maxIdle = maxIdle
            self.maxConnections = maxConnections
            self.maxLifetime = maxLifetime
            self.maxRequestsPerConnection = maxRequestsPerConnection
            self.queueTimeout = queueTimeout
        }
    }

    /// What is known of the origin beside its traffic.
    package struct Knowledge: Hashable, BitwiseCopyable, Sendable {
        /// What `idle_timeout: auto` comes to: as in `GapQuestion`.
        package var once: Interval
        package var repeatable: Interval
        package var retire: Interval
        /// The time that the origin's Keep-Alive field allows, less `keep_alive_margin`; nil where it names none.
        package var hinted: Interval?
        /// At which idle age the origin closes, as was learned; nil: not known.
        package var limit: Interval?
        /// How long before such a close a request is too late to know of it.
        package var reach: Interval

        package init(
            once: Interval, repeatable: Interval, retire: Interval, hinted: Interval? = nil, limit: Interval? = nil,
            reach: Interval = .zero
        ) {
            self.once = once
            self.repeatable = repeatable
            self.retire = retire
            self.hinted = hinted
            self.limit = limit
            self.reach = reach
        }
    }

    package let record: TrafficRecord
    package let inForce: Settings
    package let knowledge: Knowledge
    package let now: Instant

    package init(_ record: TrafficRecord, inForce: Settings, knowledge: Knowledge, now: Instant) {
        self.record = record
        self.inForce = inForce
        self.knowledge = knowledge
        self.now = now
    }

    /// Fewer requests, or a shorter time, say nothing.
    package static let leastRequests: Int64 = 100
    package static let leastTime = Interval.seconds(30)

    package var requests: Int64 { record.sketch.requests }
    package var observed: Interval { record.sketch.observed(now: now) }
    /// Requests that are replayed for the queueing.
    package var replayed: Int { record.recent.count }

    /// Of the responses, how many ended their connection.
    package var endingShare: Double { record.sketch.endingShare }
    /// Busy connections on average.
    package var busy: Double { record.active(now: now) }

    /// Whether enough was seen.
    package var isEnough: Bool { requests >= Self.leastRequests && observed >= Self.leastTime }

    package func predict(_ asked: Settings) -> Prediction {
        var question = asked.question(knowledge)
        question.active = min(busy, Double(asked.maxConnections))
        let gaps = record.sketch.predict(question, onceShare: record.onceShare, now: now)
        let replay = QueueReplay(record.recent.all, connections: asked.maxConnections, patience: asked.queueTimeout)
        let played = Double(max(replay.requests, 1))
        var prediction = Prediction(
            hours: hours, reuse: 1 - (1 - gaps.reuse) * firstShare, dials: gaps.dials, idle: gaps.held,
            busy: question.active, waiting: Double(replay.waiting) / played,
            wait: Interval(nanoseconds: replay.waited.nanoseconds / Int64(max(replay.waiting, 1))),
            refused: Double(replay.refused) / played, races: races(question))
        prediction.isOverloaded = busy > 0.95 * Double(asked.maxConnections)
        prediction.error = error(of: prediction, question, replayed: played)
        return prediction
    }

    var hours: Double { Double(observed.nanoseconds) / 3.6e12 }

    /// Only where connections are kept up to the origin's own limit.
    private func races(_ question: GapQuestion) -> Double {
        guard let limit = knowledge.limit else { return 0 }
        let sketch = record.sketch
        func exposure(_ age: Interval) -> Double {
            sketch.exposure(limit: limit, share: 1, reach: knowledge.reach, idleTimeout: age)
        }
        return record.onceShare * exposure(question.once) + (1 - record.onceShare) * exposure(question.repeatable)
    }
}

extension WhatIf.Settings {
    package func question(_ known: WhatIf.Knowledge) -> GapQuestion {
        let limit = known.limit ?? .infinite
        var (once, repeatable, retire) = (known.once, known.repeatable, known.retire)
        if case .fixed(let own) = idleTimeout {
            retire = min(own, known.hinted ?? .infinite)
            (once, repeatable) = (retire, retire)
        }
        return GapQuestion(
            once: once, repeatable: repeatable, retire: min(retire, limit), maxIdle: maxIdle,
            maxConnections: maxConnections, lifetime: maxLifetime, maxRequests: maxRequestsPerConnection)
    }
}
