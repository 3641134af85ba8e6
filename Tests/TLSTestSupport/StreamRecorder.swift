package import Reactor

/// Remembers what a stream tells its handler. Loop-bound.
package final class StreamRecorder: StreamHandler {
    package enum End: Equatable {
        case input
        case closed(StreamEnd)
    }

    package private(set) var bytes: [UInt8] = []
    package private(set) var pieces: [Int] = []
    /// In their order, at most one of each.
    package private(set) var ends: [End] = []
    package private(set) var drains = 0
    /// Called behind each piece.
    package var onReceive: (Int) -> Void = { _ in }

    package init() {}

    package func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    package func received(_ more: UnsafeRawBufferPointer) {
        bytes += more
        pieces.append(more.count)
        onReceive(more.count)
    }

    package func inputEnded() { ends.append(.input) }
    package func closed(_ cause: StreamEnd) { ends.append(.closed(cause)) }
    package func outputDrained() { drains += 1 }
    package func connected() {}
}
