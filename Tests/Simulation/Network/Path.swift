import ProxyTypes

/// How the network treats connections to an endpoint. Value.
struct Path: Sendable {
    /// Where the stream is cut into segments.
    enum Cuts: Sendable {
        /// Only at the ends of writes, at the segment size and at the window.
        case whole
        case sometimes
        case small
        case singleBytes
    }

    /// The outcome of connection attempts.
    enum Connecting: Sendable {
        case open
        /// RST, as if nothing listened.
        case refused
        /// No answer; the attempt never ends by itself.
        case blackHole
        /// No answer; the kernel gives up after this time.
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

/// The current path of all connections to one endpoint.
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
