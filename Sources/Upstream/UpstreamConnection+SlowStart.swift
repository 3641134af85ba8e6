package import Metering
import Pooling
package import ProxyTypes
import Reactor
import Tuning

/// What idleness does to the congestion windows of a connection: this host's, and the origin's as far as it shows.
extension UpstreamConnection {
    /// The least retransmission time-out of Linux: no shorter silence makes its window collapse.
    static let leastTimeout = Interval.milliseconds(200)
    /// Requests of up to this many bytes are not looked at: they fit into a new connection's window.
    @inlinable package static var firstWindow: Int { 10 * 1460 }

    /// A request under way that is longer than a new connection's window, and what the kernel had for it before. Windows are in
    /// segments. Value.
    struct Upload: BitwiseCopyable {
        /// `requestsServed` as of its lease.
        let lease: Int
        let segment: UInt32
        let windowBefore: UInt32
        /// The window with which the kernel begins to send it.
        let window: UInt32
        /// That of the connection which `lifo` would have granted; 0 without `reuse_order: widest`.
        let passedOver: UInt32
        /// How far the window grows by doubling.
        let ceiling: UInt32
        /// The origin's receive window, which does not collapse.
        let taken: UInt32
        /// Milliseconds.
        let silence: UInt32
        /// Microseconds: the least, as the smoothed one holds what the connection's own bytes waited in queues.
        let roundTripTime: UInt32

        init(_ info: TCPInfo, lease: Int, window: UInt32, passedOver: UInt32) {
            self.lease = lease
            self.window = window
            self.passedOver = passedOver
            segment = UInt32(clamping: info.maximumSegment)
            windowBefore = UInt32(clamping: info.congestionWindow)
            ceiling = info.slowStartThreshold == 0 ? .max : max(UInt32(clamping: info.slowStartThreshold), windowBefore)
            taken = info.peerWindow == 0 ? .max : max(UInt32(clamping: info.peerWindow) / segment, 1)
            silence = UInt32(clamping: info.sinceDataSent)
            roundTripTime = UInt32(clamping: info.minRoundTripTime > 0 ? info.minRoundTripTime : info.roundTripTime)
        }

        func roundTrips(for bytes: Int, from window: UInt32) -> Int {
            let segments = (bytes + Int(segment) - 1) / Int(segment)
            return SendWindow.roundTrips(for: segments, from: min(window, taken), ceiling: ceiling)
        }
    }

    /// Whether the kernel cuts the window when nothing was sent for a while. It does not where the congestion control works
    /// out its own pace, as BBR does.
    private var restartsWhenIdle: Bool {
        guard loop.slowStartAfterIdle else { return false }
        if let known = controlRestarts { return known }
        let control = stream.socketFacts?.congestionControl ?? ""
        let restarts = !control.hasPrefix("bbr")
        controlRestarts = restarts
        return restarts
    }

    /// As the kernel has it now. Costs a system call.
    func sendWindow() -> SendWindow {
        guard let info = stream.tcpInfo else { return .unknown }
        return sendWindow(info)
    }

    private func sendWindow(_ info: TCPInfo) -> SendWindow {
        SendWindow(
            segments: UInt32(clamping: info.congestionWindow),
            timeout: restartsWhenIdle ? UInt32(clamping: (info.retransmissionTimeout + 999) / 1000) : 0,
            silence: UInt32(clamping: info.sinceDataSent))
    }

    // MARK: Requests

    /// Before the first byte of a request that may be longer than `firstWindow`, on a reused connection: what the kernel knows
    /// of the window is lost when it sends. Costs a system call where the window can have collapsed, or was what the
    /// connection was chosen for.
    package func uploadBegins(now: Instant) {
        let isChosen = pool.settings.reuseOrder == .widest
        guard isChosen || now - idleBefore >= Self.leastTimeout, let info = stream.tcpInfo, info.maximumSegment > 0
        else { return }
        upload = Upload(
            info, lease: requestsServed, window: sendWindow(info).after(.zero),
            passedOver: isChosen ? pool.machine.windowPassedOver(for: id) ?? 0 : 0)
    }

    /// The request was written whole. Returns the window that it began with, where that was less than before.
    package func uploadEnded() -> WindowRestart? {
        guard let upload, upload.lease == requestsServed else { return nil }
        self.upload = nil
        guard bytesSent > Int(upload.segment * SendWindow.initial) else { return nil }
        let needed = upload.roundTrips(for: bytesSent, from: upload.window)
        pool.statistics.slowStart.uploads += 1
        if upload.passedOver > 0, upload.passedOver < upload.window {
            let gained = max(upload.roundTrips(for: bytesSent, from: upload.passedOver) - needed, 0)
            pool.statistics.slowStart.recordWidened(roundTrips: gained, each: Int64(upload.roundTripTime))
        }
        guard upload.window < upload.windowBefore else { return nil }
        let more = needed - upload.roundTrips(for: bytesSent, from: upload.windowBefore)
        let restart = WindowRestart(
            idle: upload.silence, windowBefore: upload.windowBefore, window: upload.window,
            roundTrips: UInt32(clamping: max(more, 0)), roundTripTime: upload.roundTripTime)
        pool.statistics.slowStart.record(restart)
        return restart
    }

    // MARK: Answers

    /// How much of an answer's body has come in its first round trip. Value.
    struct FirstRoundTrip: BitwiseCopyable {
        let lease: Int
        let since: Instant
        var bytes: Int
        var isOver = false
    }

    /// On shorter paths too much happens within a round trip.
    private static let leastRoundTrip = Interval.milliseconds(2)
    /// An origin that was silent for so long has cut its window several times.
    private static let longSilence = Interval.seconds(1)

    /// Some of an answer has come that is not all of it.
    func noteArrival(_ count: Int, now: Instant) {
        guard outstanding.isEmpty, dialTimes.connect >= Self.leastRoundTrip else { return }
        guard let running = firstRoundTrip, running.lease == requestsServed else {
            firstRoundTrip = FirstRoundTrip(lease: requestsServed, since: now, bytes: count)
            return
        }
        guard !running.isOver else { return }
        // What is sent in the second round trip comes a round trip after the first.
        if now - running.since < Interval(nanoseconds: dialTimes.connect.nanoseconds / 4 * 3) {
            firstRoundTrip?.bytes += count
            return
        }
        firstRoundTrip?.isOver = true
        record(running)
    }

    private func record(_ answer: FirstRoundTrip) {
        func add(_ trips: inout FirstRoundTrips) {
            trips.answers += 1
            trips.bytes += answer.bytes
        }
        let silence = answer.since - idleBefore
        if requestsServed == 1 {
            add(&pool.statistics.slowStart.answersFresh)
        } else if silence < Self.leastTimeout {
            add(&pool.statistics.slowStart.answersKept)
        } else if silence >= Self.longSilence {
            add(&pool.statistics.slowStart.answersIdle)
        }
    }
}
