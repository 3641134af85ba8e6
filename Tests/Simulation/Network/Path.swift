import ProxyTypes

/// How connections to an endpoint fare. Value.
struct Path: Sendable {
    /// Where the stream is cut into segments.
    enum Cuts: Sendable {
        /// Nowhere but at what is written, a segment's size and the window.
        case whole
        case sometimes
        case small
        case singleBytes
    }

    /// What becomes of an attempt to connect.
    enum Connecting: Sendable {
        case open
        /// RST, as where nobody listens.
        case refused
        /// No answer ever.
        case blackHole
        /// No answer, and the kernel gives up.
        case timesOut(Interval)
        /// A router says so.
        case hostUnreachable
        /// connect() itself fails: there is no route, or no port is left.
        case unreachable
        case noLocalPort
    }

    var minLatency = Interval(nanoseconds: 50_000)
    var maxLatency = Interval(nanoseconds: 200_000)
    /// 0: no limit.
    var bytesPerSecond = 0
    var cuts = Cuts.whole
    var connecting = Connecting.open
    /// Nothing arrives, in either direction, until this ends; the kernel gives up after `retransmissionsEnd`.
    var isSilent = false
    var retransmissionsEnd = Interval.seconds(924)
    /// Of both sides, in bytes; taken when a connection is opened.
    var sendBuffer = 64 * 1024
    var receiveBuffer = 64 * 1024

    static let segment = 1448
}

/// The path of all connections to one endpoint, as it is now.
final class PathState {
    var path: Path
    /// Links whose arrivals wait for the end of a silence.
    var parked: [Int32] = []

    init(_ path: Path) {
        self.path = path
    }
}

extension Path: CustomStringConvertible {
    var description: String {
        var text = "\(minLatency.text) to \(maxLatency.text), cuts \(cuts)"
        if bytesPerSecond > 0 { text += ", \(bytesPerSecond) bytes/s" }
        if sendBuffer != Path().sendBuffer { text += ", send buffers of \(sendBuffer)" }
        if receiveBuffer != Path().receiveBuffer { text += ", receive buffers of \(receiveBuffer)" }
        if case .open = connecting {} else { text += ", connecting: \(connecting)" }
        if isSilent { text += ", silent" }
        return text
    }
}

extension Interval {
    fileprivate var text: String { "\(Double(nanoseconds / 1000) / 1000) ms" }
}
