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
    var status = 0
    var error: ProxyError.Kind?
    var errorDetail: String?
    var leaseCause = LeaseCause.none
    /// It had to wait for its connection.
    var waited = false
    var aborted = false
    /// Of a CONNECT: why it was tunnelled although its host has `intercept: on`.
    var spliced: SpliceReason?
    /// It came inside TLS that connd has ended; of a CONNECT: connd has ended its TLS.
    var isIntercepted = false
    var retries = 0
    var reused = false
    var connection: UInt64 = 0
    var bytesFromClient = 0
    var bytesToClient = 0

    mutating func granted(_ lease: UpstreamConnection, reused: Bool, now: Instant) {
        queueTime = now - leaseRequested
        sent = now
        connection = lease.number
        self.reused = reused
        if !reused {
            dnsTime = lease.dialTimes.dns
            connectTime = lease.dialTimes.connect
            tlsTime = lease.dialTimes.tls
        }
    }

    mutating func finished(now: Instant) {
        totalTime = now - start
        firstByteTime = firstByte > sent ? firstByte - sent : .zero
    }
}
