/// One line of `GET /v1/origins`. Value.
package struct OriginSummary: Codable, Sendable {
    package var origin = ""
    package var connections = ConnectionCounts()
    package var maxConnections = 0
    /// Since connd was started.
    package var requests = 0
    package var errors = 0
    package var opened = 0
    package var reused = 0
    package var reuseRatio: Double?
    package var bytesSent = 0
    package var bytesReceived = 0
    package var firstByteP50Ms: Double?
    package var firstByteP99Ms: Double?
    package var totalP99Ms: Double?
    package var queueP99Ms: Double?
    package var staleSurfaced = 0
    package var paused = false
    /// Null if it is not paused.
    package var pause: PauseReport?
    /// Its certificate is not verified: `tls_verify` is `none`.
    package var unverified = false
    /// It speaks HTTPS, and only CONNECT reaches it, so that its connections cannot be shared.
    package var tunnelsOnly = false
    /// How clients reach it: `pooled`, `tunnelled`, `intercepted`, or `spliced` where it should be intercepted and is
    /// mostly tunnelled; null if none has.
    package var reached: String?
    /// The most frequent reason for which it is tunnelled although `intercept` is on.
    package var splicedBecause: String?
    /// The names of the gateways to it.
    package var gateways: [String] = []
    /// The http origins whose requests it gets with `tls: originate`.
    package var originatedFrom: [String] = []
    package var overrides = 0
    package var trials = 0
    package var lastUsed: String?
    package var lastUsedMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case origin
        case connections
        case maxConnections = "max_connections"
        case requests
        case errors
        case opened
        case reused
        case reuseRatio = "reuse_ratio"
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case firstByteP50Ms = "first_byte_p50_ms"
        case firstByteP99Ms = "first_byte_p99_ms"
        case totalP99Ms = "total_p99_ms"
        case queueP99Ms = "queue_p99_ms"
        case staleSurfaced = "stale_surfaced"
        case paused
        case pause
        case unverified
        case tunnelsOnly = "tunnels_only"
        case reached
        case splicedBecause = "spliced_because"
        case gateways
        case originatedFrom = "originated_from"
        case overrides
        case trials
        case lastUsed = "last_used"
        case lastUsedMs = "last_used_ms"
    }
}

/// Who paused an origin, when and why. Value.
package struct PauseReport: Codable, Sendable {
    package var origin = ""
    package var actor = ""
    package var reason: String?
    package var time = ""
    package var timeMs: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case origin
        case actor
        case reason
        case time
        case timeMs = "time_ms"
    }
}

/// The parameters of `GET /v1/origins`. Value.
package struct OriginQuery: Sendable {
    package enum Sort: String, CaseIterable, Sendable {
        case origin, requests, connections, waiting, errors, reuse
        case firstByte = "first_byte"
        case bytes
        case lastUsed = "last_used"
    }

    package var page = PageRequest()
    package var sort = Sort.requests
    /// By default ascending for `origin` and descending for everything else.
    package var ascending: Bool?
    /// Part of the origin's name, case-insensitive.
    package var filter: String?

    package init() {}
}

/// `GET /v1/origins/{origin}`. Value.
package struct OriginDetail: Codable, Sendable {
    package var summary = OriginSummary()
    package var figures = OriginFiguresReport()
    /// Since the database was created; null if it has no record of the origin.
    package var lifetime: LifetimeReport?
    package var settings: [ResolvedSettingReport] = []
    package var dialFailuresInARow = 0
    /// Socket options that the kernel refused while dialling.
    package var refusedSettings: [RefusedSettingReport] = []
    /// The options of one open connection's socket; null while there is none.
    package var socket: SocketReport?
    /// Who waits for delayed acknowledgements, and what helps; empty where nothing of the kind shows.
    package var delays: [DelayReport] = []
    /// net.ipv4.tcp_slow_start_after_idle: whether the kernel cuts the congestion windows of idle connections; null where that
    /// is not known. Some congestion controls, as bbr, do not heed it.
    package var slowStartAfterIdle: Bool?
    /// Null as long as every connection that was used after an idle minute was alive or was closed by the origin.
    package var path: PathReport?
    /// Null while the origin has no pool: since the start or for long no request has gone to it.
    package var learned: LearnedReport?
    /// Advice that waits for a decision.
    package var adviceWaiting = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case summary
        case figures
        case lifetime
        case settings
        case dialFailuresInARow = "dial_failures_in_a_row"
        case refusedSettings = "refused_settings"
        case socket
        case delays
        case slowStartAfterIdle = "slow_start_after_idle"
        case path
        case learned
        case adviceWaiting = "advice_waiting"
    }
}

/// The counters of one origin since connd was started, by word. Value.
package struct OriginFiguresReport: Codable, Sendable {
    /// By method class (`safe`, `idempotent`, `unsafe`) and outcome (`2xx`, `proxy_error`, `cut`, …).
    package var requests: [String: [String: Int]] = [:]
    package var errors: [String: Int] = [:]
    package var queued = 0
    package var opened: [String: Int] = [:]
    package var reused = 0
    /// By reason; `closedBySide` counts the same by the side that caused it.
    package var closed: [String: Int] = [:]
    package var closedBySide: [String: Int] = [:]
    /// Connections that authentication bound to one client (NTLM, Negotiate): not shared from then on.
    package var pinned = 0
    package var dialFailures: [String: Int] = [:]
    package var retryCauses: [String: Int] = [:]
    package var retryOutcomes: [String: Int] = [:]
    package var staleRetried = 0
    package var staleSurfaced = 0
    /// Requests that were kept from an idle connection as it was too old for them: each waited for another one. Of those,
    /// `races_prevented` had a connection that the origin closed before their bytes could have reached it.
    package var passedOver = 0
    package var racesPrevented = 0
    /// How long requests were held up by lost races, in all.
    package var raceLost = ""
    package var raceLostMs: Int64 = 0
    /// Idle connections that were distrusted since another was lost without notice.
    package var distrusted = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    package var queueTime = Distribution()
    package var dnsTime = Distribution()
    package var connectTime = Distribution()
    package var tlsTime = Distribution()
    package var firstByteTime = Distribution()
    package var totalTime = Distribution()
    package var connectionAge = Distribution()
    package var idleGap = Distribution()
    package var requestsPerConnection = CountDistribution()
    package var handshakePaid = ""
    package var handshakePaidMs: Int64 = 0
    package var handshakeSaved = ""
    package var handshakeSavedMs: Int64 = 0
    package var handshakeWaits = HandshakeWaitsReport()
    package var slowStart = SlowStartReport()
    package var tunnels = TunnelReport()
    package var tls = TLSHandshakesReport()
    package var intercept = InterceptionReport()
    package var tcp = TCPFiguresReport()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case requests
        case errors
        case queued
        case opened
        case reused
        case closed
        case closedBySide = "closed_by_side"
        case pinned
        case dialFailures = "dial_failures"
        case retryCauses = "retry_causes"
        case retryOutcomes = "retry_outcomes"
        case staleRetried = "stale_retried"
        case staleSurfaced = "stale_surfaced"
        case passedOver = "passed_over"
        case racesPrevented = "races_prevented"
        case raceLost = "race_lost"
        case raceLostMs = "race_lost_ms"
        case distrusted
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case queueTime = "queue_time"
        case dnsTime = "dns_time"
        case connectTime = "connect_time"
        case tlsTime = "tls_time"
        case firstByteTime = "first_byte_time"
        case totalTime = "total_time"
        case connectionAge = "connection_age"
        case idleGap = "idle_gap"
        case requestsPerConnection = "requests_per_connection"
        case handshakePaid = "handshake_paid"
        case handshakePaidMs = "handshake_paid_ms"
        case handshakeSaved = "handshake_saved"
        case handshakeSavedMs = "handshake_saved_ms"
        case handshakeWaits = "handshake_waits"
        case slowStart = "slow_start"
        case tunnels
        case tls
        case intercept
        case tcp
    }
}

/// A distribution of durations: quantiles are upper bounds, within 19 %. Value.
package struct Distribution: Codable, Sendable {
    package var count = 0
    package var mean = "0s"
    package var meanMs: Double = 0
    package var p50 = "0s"
    package var p50Ms: Double = 0
    package var p90 = "0s"
    package var p90Ms: Double = 0
    package var p99 = "0s"
    package var p99Ms: Double = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case count
        case mean
        case meanMs = "mean_ms"
        case p50
        case p50Ms = "p50_ms"
        case p90
        case p90Ms = "p90_ms"
        case p99
        case p99Ms = "p99_ms"
    }
}

/// A distribution of counts. Value.
package struct CountDistribution: Codable, Sendable {
    package var count = 0
    package var mean: Double = 0
    package var p50 = 0
    package var p90 = 0
    package var p99 = 0

    package init() {}
}

/// Tunnels to one origin. Value.
package struct TunnelReport: Codable, Sendable {
    package var open = 0
    package var opened = 0
    package var closed = 0
    package var failed = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    package var duration = Distribution()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case open
        case opened
        case closed
        case failed
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case duration
    }
}

/// TLS handshakes with one origin. Value.
package struct TLSHandshakesReport: Codable, Sendable {
    package var full = 0
    /// Resumed from the session of an earlier connection.
    package var resumed = 0
    /// Those that succeeded, by version (`1.2`, `1.3`).
    package var versions: [String: Int] = [:]
    /// Those that failed, by reason (`expired`, `wrong_name`, `alert` and so on).
    package var failures: [String: Int] = [:]
    /// Connections that the origin ended without close_notify.
    package var uncleanCloses = 0
    package var fullTime = Distribution()
    package var resumedTime = Distribution()
    package var savedByResumption = ""
    package var savedByResumptionMs: Int64 = 0
    /// Open connections whose origin's certificate is not verified.
    package var unverifiedConnections = 0
    /// When the certificate that the origin showed last expires; null where it showed none.
    package var certificateExpires: String?
    package var certificateExpiresMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case full
        case resumed
        case versions
        case failures
        case uncleanCloses = "unclean_closes"
        case fullTime = "full_time"
        case resumedTime = "resumed_time"
        case savedByResumption = "saved_by_resumption"
        case savedByResumptionMs = "saved_by_resumption_ms"
        case unverifiedConnections = "unverified_connections"
        case certificateExpires = "certificate_expires"
        case certificateExpiresMs = "certificate_expires_ms"
    }
}

/// An origin's totals over all starts of connd. Value.
package struct LifetimeReport: Codable, Sendable {
    package var firstSeen = ""
    package var firstSeenMs: Int64 = 0
    package var lastSeen = ""
    package var lastSeenMs: Int64 = 0
    package var requests = 0
    package var errors = 0
    package var opened = 0
    package var reused = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    package var handshakeSavedMs: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case firstSeen = "first_seen"
        case firstSeenMs = "first_seen_ms"
        case lastSeen = "last_seen"
        case lastSeenMs = "last_seen_ms"
        case requests
        case errors
        case opened
        case reused
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case handshakeSavedMs = "handshake_saved_ms"
    }
}
