/// What to change for one origin, why, and what will come of it. Value.
package struct Advice: Hashable, Sendable, Codable {
    package let rule: AdviceRule
    package let change: AdviceChange
    /// What was found: one sentence.
    package let text: String
    package let evidence: [Evidence]
    package let prediction: Prediction
    package let confidence: Confidence
    /// Whether it may be tried without asking: it puts no more load on the origin and makes no request wait or fail that did
    /// not before.
    package let isSafe: Bool
}

package enum AdviceChange: Hashable, Sendable, Codable {
    /// A setting by its name, and its value as it is written.
    case set(setting: String, value: String)
    /// What people have to do, as no setting helps.
    case people(String)
}

package enum Confidence: String, CaseIterable, Comparable, Sendable, Codable {
    case low, medium, high

    package static func < (a: Confidence, b: Confidence) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .low: 0
        case .medium: 1
        case .high: 2
        }
    }
}

/// In what a figure is measured.
package enum Unit: String, CaseIterable, Sendable, Codable {
    case count
    case perHour = "per_hour"
    case perDay = "per_day"
    /// 0 to 1.
    case share
    case microseconds
    /// Of each hour.
    case microsecondsPerHour = "microseconds_per_hour"
}

/// One figure that led to the advice. Value.
package struct Evidence: Hashable, Sendable, Codable {
    package let label: String
    package let value: Double
    package let unit: Unit

    init(_ label: String, _ value: Double, _ unit: Unit) {
        self.label = label
        self.value = value
        self.unit = unit
    }

    init(_ label: String, _ count: Int) { self.init(label, Double(count), .count) }
}

/// What a figure is now, and between which bounds it will be. Value.
package struct Prediction: Hashable, Sendable, Codable {
    package let figure: Figure
    package let now: Double
    package let least: Double
    package let most: Double

    /// Smaller is better for all figures.
    init(_ figure: Figure, now: Double, least: Double, most: Double) {
        self.figure = figure
        self.now = now
        self.least = max(min(least, most), 0)
        self.most = max(most, 0)
    }

    /// The trial agrees where the figure falls at least this far: half of the least that was predicted.
    package var goal: Double { now - (now - most) / 2 }
}

/// What is compared before and after a change; less is better. A closed set, by name in the database.
package enum Figure: String, CaseIterable, Sendable, Codable {
    /// Of the leases, those of new connections.
    case newConnections = "new_connections"
    /// Of the requests, those that waited for a connection or a dial.
    case waiting
    /// Of the reuses, those of dead connections.
    case stale
    /// Of the requests, those that connd answered with an error or whose response was cut.
    case failures
    /// Of the exchanges, those that waited for a delayed acknowledgement; of answers and of requests.
    case delayedAnswers = "delayed_answers"
    case delayedRequests = "delayed_requests"
    /// Of long uploads, those that took more round trips as the window had collapsed.
    case restarts
    /// What look-ups of names took, on average.
    case nameTime = "name_time"
    /// Idle connections held, on average.
    case idle

    package var unit: Unit {
        switch self {
        case .newConnections, .waiting, .stale, .failures, .delayedAnswers, .delayedRequests, .restarts: .share
        case .nameTime: .microseconds
        case .idle: .count
        }
    }
}
