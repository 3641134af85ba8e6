import Metering
import ProxyTypes
import Upstream

/// What is kept of one exchange for statistics and the access log: when its phases ended, and how it ended. Value.
struct ExchangeRecord {
    var method = ""
    var target = ""
    /// The gateway that its client came to, for the access log.
    var gateway: String?
    var start = Instant.zero
    var leaseRequested = Instant.zero
    var sent = Instant.zero
    var firstByte = Instant.zero
    var queueTime = Interval.zero
    var dnsTime = Interval.zero
    var connectTime = Interval.zero
    var tlsTime = Interval.zero
    /// From the lease to the last byte of the request.
    var sendTime = Interval.zero
    var firstByteTime = Interval.zero
    var totalTime = Interval.zero
    /// Where its connection's window had collapsed.
    var restart: WindowRestart?
    /// The latest that it has lost.
    var race: LostRace?
    var status = 0
    var error: ProxyError.Kind?
    var errorDetail: String?
    var leaseCause = LeaseCause.none
    /// It had to wait for its connection.
    var waited = false
    var aborted = false
    var intercept = InterceptOutcome.none
    var retries = 0
    var reused = false
    var connection: UInt64 = 0
    var bytesFromClient = 0
    var bytesToClient = 0

    /// What became of a CONNECT to a host with `intercept: on`.
    enum InterceptOutcome {
        case none
        /// connd has ended its TLS; of another request: it came inside.
        case intercepted
        /// The client did not accept the certificate.
        case refused
        /// The client's TLS failed otherwise.
        case failed
        case spliced(SpliceReason)

        /// For the access log.
        var name: String? {
            switch self {
            case .none: nil
            case .intercepted: "intercepted"
            case .refused: "certificate_refused"
            case .failed: "tls_failed"
            case .spliced: "spliced"
            }
        }

        var spliceReason: SpliceReason? {
            switch self {
            case .spliced(let reason): reason
            case .none, .intercepted, .refused, .failed: nil
            }
        }
    }

    mutating func granted(_ lease: UpstreamConnection, reused: Bool, now: Instant) {
        queueTime = now - leaseRequested
        let before = sent
        sent = now
        race?.cost += (now - before).microseconds
        connection = lease.number
        self.reused = reused
        if !reused {
            dnsTime = lease.dialTimes.dns
            connectTime = lease.dialTimes.connect
            tlsTime = lease.dialTimes.tls
        }
    }

    mutating func lost(_ lost: LostRace) {
        let before = race?.cost ?? 0
        race = lost
        race?.cost = before
    }

    mutating func finished(now: Instant) {
        totalTime = now - start
        firstByteTime = firstByte > sent ? firstByte - sent : .zero
    }
}
