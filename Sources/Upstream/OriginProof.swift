package import Metering
package import Pooling
package import ProxyTypes
import TLS
import Tuning

/// What the latest handshakes with an origin have shown: whether another one is likely to succeed, and whether it asks for
/// client certificates. Value.
package struct OriginProof {
    private var lastSuccess: Instant?
    /// It has asked for one, and there was none to show it. A resumed handshake does not tell.
    package private(set) var wantsCertificate = false

    /// For how long a handshake vouches for the origin.
    private static let lifetime = Interval.minutes(1)

    mutating func succeeded(_ info: TLSInfo, wantsCertificate: Bool, now: Instant) {
        lastSuccess = now
        if !info.isResumed { self.wantsCertificate = wantsCertificate }
    }

    mutating func failed() {
        lastSuccess = nil
    }

    func isRecent(now: Instant) -> Bool { lastSuccess.map { now - $0 < Self.lifetime } ?? false }
}

/// Waits to know whether an origin can be reached over TLS. Every call is on the loop; exactly one comes, unless the wait is
/// cancelled.
package protocol ProofWaiter: AnyObject {
    func originProven(now: Instant)
    func originFailed(_ error: ProxyError, now: Instant)
}

extension UpstreamPool {
    /// The origin asks for a client certificate, and has been shown none.
    package var wantsClientCertificate: Bool { shown.wantsCertificate && settings.tlsClientCert == nil }

    /// Whether there is a good connection to the origin, or was one a moment ago.
    package func isProven(now: Instant) -> Bool { counts.idle > 0 || active > 0 || shown.isRecent(now: now) }

    /// Opens a connection, unless there is one, and keeps it for whoever comes next. The answer may come before this returns:
    /// then there is nothing to cancel.
    package func prove(for waiter: any ProofWaiter, client: ClientID, now: Instant) -> WaiterID? {
        let request = LeaseRequest(client: client, needsFresh: false, isRetryable: false, mayPipeline: false)
        let id = waiters.insert(.proof(waiter), now: now)
        machine.lease(id, request, now: now, into: &actions.pending)
        perform(now: now)
        return waiters[id] == nil ? nil : id
    }
}

extension UpstreamPool {
    package func noteInterception(_ count: (inout InterceptStatistics) -> Void) {
        count(&statistics.intercept)
        hasUnreportedChanges = true
    }
}
