package import Metering
package import ProxyTypes

/// Connections and exchanges that ended on a loop and have not been reported yet. Bounded: those beyond are only counted.
/// Value.
package struct EndedRecords: Sendable {
    package var connections: [ConnectionRecord] = []
    package var exchanges: [ExchangeDetail] = []
    /// Origins whose pools were dropped, with their last statistics.
    package var forgotten: [OriginSnapshot] = []
    /// Each is reported once; those beyond the bound are not.
    package private(set) var refusedSettings: [RefusedSetting] = []
    /// As many are reported.
    package private(set) var pathDrops: [PathDrop] = []
    /// What was learned since the last report.
    package var learned: [LearnedLimit] = []
    /// As many are reported.
    package private(set) var learnedChanges: [LearnedChange] = []
    package var droppedConnections = 0
    package var droppedExchanges = 0

    package init() {}

    private static let maxConnections = 4096
    private static let maxExchanges = 1024
    private static let maxRefusedSettings = 64
    private static let maxPathDrops = 64
    private static let maxLearnedChanges = 64

    mutating func note(_ refused: RefusedSetting) {
        if refusedSettings.count < Self.maxRefusedSettings { refusedSettings.append(refused) }
    }

    mutating func note(_ drop: PathDrop) {
        if pathDrops.count < Self.maxPathDrops { pathDrops.append(drop) }
    }

    mutating func note(_ change: LearnedChange) {
        if learnedChanges.count < Self.maxLearnedChanges { learnedChanges.append(change) }
    }

    var hasRoomForConnection: Bool { connections.count < Self.maxConnections }

    /// Where there is none, one more is counted as dropped.
    package mutating func hasRoomForExchange() -> Bool {
        guard exchanges.count >= Self.maxExchanges else { return true }
        droppedExchanges += 1
        return false
    }
}

/// A connection that was lost because its path carried nothing any more. Value.
package struct PathDrop: Hashable, Sendable {
    package let origin: Origin
    package let connection: UInt64
    /// How long nothing had been sent either way.
    package let silence: Interval
}

/// Idle connections to the origin are closed at another age than before, for what was learned. Value.
package struct LearnedChange: Hashable, Sendable {
    package let origin: Origin
    /// Nil: at that of the settings or of the origin's hints.
    package let before: Interval?
    package let after: Interval?
    /// What was learned, for people.
    package let evidence: String
}
