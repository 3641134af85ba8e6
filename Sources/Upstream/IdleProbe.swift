import ProxyTypes
import Reactor
import Tuning

/// The first request on a connection after an idle minute: until something of its answer or an acknowledgement has come,
/// the kernel may leave what was sent unacknowledged for `tcp_idle_probe` only. So a connection that a NAT or a firewall
/// has forgotten fails in seconds, and not after the kernel's quarter of an hour. Loop-bound.
final class IdleProbe {
    private unowned let connection: UpstreamConnection
    /// How long the path had carried nothing when the request was sent: keep-alive probes of the kernel count as
    /// something.
    let silence: Interval
    /// As the connection was: bytes that the origin had acknowledged, and TCP_USER_TIMEOUT in milliseconds.
    private let acknowledged: Int
    private let userTimeout: CInt
    let limit: Interval
    private let due: Instant
    private let timer = Deadline()

    /// A shorter silence is not worth the system calls: paths keep connections for at least a minute, NATs that obey
    /// RFC 5382 for two hours.
    static let leastSilence = Interval.seconds(60)

    /// Nil where the path was not silent for that long, or where the connection is given less time as it is.
    init?(_ connection: UpstreamConnection, idle: Interval, limit: Interval, now: Instant) {
        let stream = connection.stream
        guard let info = stream.tcpInfo else { return nil }
        silence = min(idle, .milliseconds(Int64(info.sinceAcknowledged)))
        guard silence >= Self.leastSilence else { return nil }
        let milliseconds = CInt(clamping: limit.wholeMilliseconds)
        userTimeout = stream.setUserTimeout(milliseconds)
        guard userTimeout >= 0 else { return nil }
        if userTimeout > 0, userTimeout <= milliseconds { _ = stream.setUserTimeout(userTimeout) }
        self.connection = connection
        self.limit = userTimeout > 0 ? min(limit, .milliseconds(Int64(userTimeout))) : limit
        acknowledged = info.bytesAcknowledged
        due = now + Interval(nanoseconds: limit.nanoseconds / 2)
        timer.owner = self
        connection.loop.timer.wake(timer, at: due)
    }

    deinit {
        timer.owner = nil
    }

    /// Something has come back: the connection is as it was.
    func end() {
        stop()
        _ = connection.stream.setUserTimeout(userTimeout)
    }

    /// The connection has ended.
    func stop() { connection.loop.timer.remove(timer) }

    func isUnanswered(_ last: TCPInfo?) -> Bool { last.map { $0.bytesAcknowledged <= acknowledged } ?? true }
}

extension IdleProbe: DeadlineOwner {
    /// Half of the time has passed without an answer. Where the request was acknowledged the path is alive, and the rest of
    /// a long request must not be bound by this limit: an origin that reads slowly closes its window, and TCP_USER_TIMEOUT
    /// ends that, too.
    func deadlineReached(now: Instant) -> Instant {
        guard now >= due else { return due }
        if !isUnanswered(connection.stream.tcpInfo) { connection.endProbe() }
        return .distantFuture
    }
}

/// What becomes of a connection on a path that carries nothing.
extension UpstreamConnection {
    /// Before the first write of a lease, where the connection has been idle for `IdleProbe.leastSilence`.
    func beginProbe(idle: Interval, now: Instant) {
        guard idleProbeLimit > .zero else { return }
        probe = IdleProbe(self, idle: idle, limit: idleProbeLimit, now: now)
    }

    /// The path is alive.
    func endProbe() {
        guard let probe else { return }
        self.probe = nil
        probe.end()
        pool.pathSurvived(probe.silence)
    }

    /// It ended because nothing that was sent on it was acknowledged, while a response was due of which nothing has come.
    func lostInSilence(_ probe: IdleProbe?, now: Instant) {
        guard let probe, probe.isUnanswered(stream.tcpInfo) else { return }
        pool.pathDropped(after: probe.silence, by: self, now: now)
    }

    /// An idle one ended because the origin acknowledged none of the kernel's keep-alive probes. Where an earlier round of
    /// them was acknowledged, what happened since is an outage, and not the path's limit.
    func probesUnanswered(idleSince: Instant, now: Instant) {
        guard let probes = pool.settings.tcpKeepalive else { return }
        let patience = Interval(nanoseconds: probes.interval.nanoseconds * Int64(probes.count))
        guard now - idleSince < probes.idle + probes.idle + patience else { return }
        pool.pathDropped(after: probes.idle, by: self, now: now)
    }
}
