package import Metering
import ProxyTypes

/// What ended on a loop and has not been fetched yet, bounded: what finds no room is counted and gone. Value.
package struct EndedRecords: Sendable {
    package var connections: [ConnectionRecord] = []
    package var exchanges: [ExchangeDetail] = []
    /// Origins whose pool was given up, with what was last counted.
    package var forgotten: [OriginSnapshot] = []
    /// Told once each; more than find room are counted with the others.
    package private(set) var refusedSettings: [RefusedSetting] = []
    package var droppedConnections = 0
    package var droppedExchanges = 0

    package init() {}

    private static let maxConnections = 4096
    private static let maxExchanges = 1024
    private static let maxRefusedSettings = 64

    mutating func note(_ refused: RefusedSetting) {
        if refusedSettings.count < Self.maxRefusedSettings { refusedSettings.append(refused) }
    }

    var hasRoomForConnection: Bool { connections.count < Self.maxConnections }

    /// Where there is none, one more is counted as dropped.
    package mutating func hasRoomForExchange() -> Bool {
        guard exchanges.count >= Self.maxExchanges else { return true }
        droppedExchanges += 1
        return false
    }
}
