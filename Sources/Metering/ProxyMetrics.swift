package import ProxyTypes

/// The outcome of a retry.
package enum RetryOutcome: UInt8, CaseIterable, Sendable {
    case sent, succeeded, failed, refusedMethod, refusedBody, refusedBudget, refusedAttempts, refusedPinned

    package var name: String {
        switch self {
        case .sent: "sent"
        case .succeeded: "succeeded"
        case .failed: "failed"
        case .refusedMethod: "refused_method"
        case .refusedBody: "refused_body"
        case .refusedBudget: "refused_budget"
        case .refusedAttempts: "refused_attempts"
        case .refusedPinned: "refused_pinned"
        }
    }
}

/// How a reused connection failed before the response began.
package enum RetryCause: UInt8, CaseIterable, Sendable {
    case closedBeforeResponse, resetBeforeResponse
    /// Nothing that was sent was acknowledged.
    case silentPath

    package var name: String {
        switch self {
        case .closedBeforeResponse: "closed_before_response"
        case .resetBeforeResponse: "reset_before_response"
        case .silentPath: "silent_path"
        }
    }
}

/// How a client's connection ended.
package enum ClientCloseReason: UInt8, CaseIterable, Sendable {
    case clientClosed, clientReset, afterResponse, idleTimeout, headTimeout, badRequest, responseCut, tunnelEnded,
        shutdown
    case refusedAddress, requestCut, writeFailed, displaced
    /// The client did not accept connd's certificate; its TLS failed otherwise.
    case certificateRefused, tlsFailed

    package var name: String {
        switch self {
        case .clientClosed: "client_closed"
        case .clientReset: "client_reset"
        case .afterResponse: "after_response"
        case .idleTimeout: "idle_timeout"
        case .headTimeout: "head_timeout"
        case .badRequest: "bad_request"
        case .responseCut: "response_cut"
        case .tunnelEnded: "tunnel_ended"
        case .shutdown: "shutdown"
        case .refusedAddress: "refused_address"
        case .requestCut: "request_cut"
        case .writeFailed: "write_failed"
        case .displaced: "displaced"
        case .certificateRefused: "certificate_refused"
        case .tlsFailed: "tls_failed"
        }
    }
}

/// The counters of one event loop: plain integers that only the loop writes. Value; a snapshot sums all loops.
package struct ProxyMetrics: Sendable {
    package var clientsAccepted = 0
    package var clientsClosed = Counters<ClientCloseReason>()
    package var acceptPauses = 0
    package var requests = 0
    package var tunnels = 0
    package var errors = Counters<ProxyError.Kind>()
    package var responsesCut = 0
    /// Fields that are not allowed in the trailers of a response.
    package var trailersDropped = 0
    package var exchangesAborted = 0
    package var upstreamOpened = 0
    package var upstreamReused = 0
    package var upstreamClosed = Counters<CloseReason>()
    package var upstreamDistrusted = 0
    package var dialFailures = Counters<ProxyError.Kind>()
    package var retryCauses = Counters<RetryCause>()
    package var retryOutcomes = Counters<RetryOutcome>()
    package var droppedLogLines = Counters<LineLoss>()
    package var droppedAccessLogLines = Counters<LineLoss>()
    package var socketSettingsRefused = 0
    /// Dials for which the kernel had no local port (EADDRNOTAVAIL).
    package var dialsWithoutPort = 0
    /// In microseconds, and how many took 10 ms or longer.
    package var longestRound: Int64 = 0
    package var slowRounds = 0
    package var queueTime = Histogram()
    package var dnsTime = Histogram()
    package var connectTime = Histogram()
    package var firstByteTime = Histogram()
    package var totalTime = Histogram()

    package init() {}

    /// Name and value of each counter that is not zero, in a fixed order.
    package var nonZero: [(name: String, value: Int)] {
        var rows: [(String, Int)] = [
            ("clients_accepted", clientsAccepted), ("accept_pauses", acceptPauses), ("requests", requests),
            ("tunnels", tunnels), ("responses_cut", responsesCut), ("trailers_dropped", trailersDropped),
            ("exchanges_aborted", exchangesAborted),
            ("upstream_opened", upstreamOpened), ("upstream_reused", upstreamReused),
            ("upstream_distrusted", upstreamDistrusted), ("socket_settings_refused", socketSettingsRefused),
            ("dials_without_port", dialsWithoutPort),
        ]
        rows += ClientCloseReason.allCases.map { ("clients_closed.\($0.name)", clientsClosed[$0]) }
        rows += ProxyError.Kind.allCases.map { ("errors.\($0.name)", errors[$0]) }
        rows += CloseReason.allCases.map { ("upstream_closed.\($0.name)", upstreamClosed[$0]) }
        rows += ProxyError.Kind.allCases.map { ("dial_failures.\($0.name)", dialFailures[$0]) }
        rows += RetryCause.allCases.map { ("retries.cause.\($0.name)", retryCauses[$0]) }
        rows += RetryOutcome.allCases.map { ("retries.outcome.\($0.name)", retryOutcomes[$0]) }
        rows += LineLoss.allCases.map { ("log_lines_dropped.\($0.name)", droppedLogLines[$0]) }
        rows += LineLoss.allCases.map { ("access_log_lines_dropped.\($0.name)", droppedAccessLogLines[$0]) }
        return rows.filter { $0.1 != 0 }
    }
}
