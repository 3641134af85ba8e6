import ProxyTypes
import Reactor

/// One direction of a connection: the bytes that one host wrote, how many of them have arrived at the other host, and
/// how many were read there. Bytes are copied in once and read in place.
final class Pipe {
    /// How the direction ends, seen from its sender.
    enum Ending {
        case open
        /// FIN follows behind what was written.
        case finishing
        /// FIN has arrived.
        case finished
        /// RST follows behind what is under way.
        case resetting(finHadArrived: Bool)
        /// RST has been sent or received: nothing more is transferred.
        case cut(finHadArrived: Bool)
    }

    /// What is in flight between the hosts.
    enum Flight {
        case nothing
        /// Bytes up to this position in the stream, or up to what has been written when they arrive.
        case bytes(end: Int, growing: Bool)
        case fin
        case reset
    }

    /// From `read` on.
    private var queue = ByteQueue()
    /// Positions in the stream, counted from its first byte.
    private(set) var read = 0
    private(set) var arrived = 0
    private(set) var written = 0
    var ending = Ending.open
    var flight = Flight.nothing
    /// The number of the silence that holds up what is in flight; nil if nothing holds it up.
    var silenceMet: UInt32?
    private var silences: UInt32 = 0
    var lineIsFree = Instant.zero
    var sendLimit: Int
    var receiveLimit: Int

    init(sendLimit: Int, receiveLimit: Int) {
        self.sendLimit = max(sendLimit, 1)
        self.receiveLimit = max(receiveLimit, 1)
    }

    /// Arrived and not read.
    var unread: Int { arrived - read }
    /// Written and not arrived.
    var unsent: Int { written - arrived }
    var space: Int { max(sendLimit - unsent, 0) }
    var window: Int { max(receiveLimit - unread, 0) }
    var finHasArrived: Bool {
        switch ending {
        case .finished, .cut(finHadArrived: true), .resetting(finHadArrived: true): true
        case .open, .finishing, .resetting, .cut: false
        }
    }
    /// Whether the sender has ended it, even if the receiver does not know yet.
    var isEnded: Bool { if case .open = ending { false } else { true } }
    /// Whether nothing more will arrive unless the sender acts.
    var isOver: Bool {
        guard case .nothing = flight else { return false }
        switch ending {
        case .open, .finished: return unsent == 0
        case .finishing, .resetting: return false
        case .cut: return true
        }
    }

    func cut() { ending = .cut(finHadArrived: finHasArrived) }

    var unreadBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: queue.bytes.prefix(unread)) }

    /// Not after `dropWaiting`, which leaves the lost bytes behind in the queue.
    func write(_ bytes: UnsafeRawBufferPointer) {
        queue.append(bytes)
        written += bytes.count
    }

    func arrive(upTo place: Int) { arrived = place }

    func consume(_ count: Int) {
        read += count
        queue.consume(count)
    }

    /// Bytes that have not left the sender's host are lost.
    func dropWaiting() {
        switch flight {
        case .bytes(let place, _):
            written = min(written, place)
            flight = .bytes(end: written, growing: false)
        case .nothing, .fin, .reset: written = arrived
        }
    }

    /// What is in flight has met a silent path again.
    func nextSilence() -> UInt32 {
        silences += 1
        silenceMet = silences
        return silences
    }
}
