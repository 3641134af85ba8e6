#if CONND_PLANTED_FAULTS
    import ProxyTypes
#endif

package enum RetryDecision: Equatable, BitwiseCopyable, Sendable {
    /// Send it again, on a connection that never served a request.
    case retryFresh
    case surface(RetryRefusal)
}

/// Why a failed request is not sent again: a label.
package enum RetryRefusal: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case responseStarted, timedOut, tlsAlert, notIdempotent, bodyNotReplayable, connectionWasFresh, boundToConnection,
        retriesUsedUp, budgetEmpty

    package var name: String {
        switch self {
        case .responseStarted: "response_started"
        case .timedOut: "timed_out"
        case .tlsAlert: "tls_alert"
        case .notIdempotent: "not_idempotent"
        case .bodyNotReplayable: "body_not_replayable"
        case .connectionWasFresh: "connection_was_fresh"
        case .boundToConnection: "bound_to_connection"
        case .retriesUsedUp: "retries_used_up"
        case .budgetEmpty: "budget_empty"
        }
    }
}

/// One attempt to have a request answered, as far as it matters for whether there may be another. Value.
package struct RequestAttempt: BitwiseCopyable, Sendable {
    /// How the attempt failed.
    package enum Failure: BitwiseCopyable, Sendable {
        /// The connection ended before any byte of the response.
        case connectionLost
        /// No answer in time: the origin may still be at work on it.
        case timedOut
        /// The origin refused the connection's TLS, as it would on another.
        case tlsAlert
        /// Some of the response was received, well-formed or not.
        case responseStarted
    }

    package var method: Method
    /// 1 for the first.
    package var number: Int
    package var failure: Failure
    /// The connection had served before, or lain idle since its dial.
    package var connectionMayBeStale: Bool
    package var requestBytesSent: Bool
    package var bodyIsReplayable: Bool
    /// The request continues a login that was begun on this connection and means nothing on another.
    package var isBoundToConnection: Bool

    package init(
        method: Method, number: Int, failure: Failure, connectionMayBeStale: Bool, requestBytesSent: Bool,
        bodyIsReplayable: Bool, isBoundToConnection: Bool
    ) {
        self.method = method
        self.number = number
        self.failure = failure
        self.connectionMayBeStale = connectionMayBeStale
        self.requestBytesSent = requestBytesSent
        self.bodyIsReplayable = bodyIsReplayable
        self.isBoundToConnection = isBoundToConnection
    }
}

/// Decides whether a request is sent again after a failed attempt (RFC 9112 9.3.1). It takes nothing from the budget.
package enum RetryPolicy {
    package static func decide(
        after attempt: RequestAttempt, maxRetries: Int, budgetAllows: Bool
    ) -> RetryDecision {
        switch attempt.failure {
        case .responseStarted: return .surface(.responseStarted)
        case .timedOut: return .surface(.timedOut)
        case .tlsAlert: return .surface(.tlsAlert)
        case .connectionLost: break
        }
        // Any byte sent may have made the origin act. On a connection that had worked before, the request was most likely
        // lost in the keep-alive race; on a fresh one the origin itself failed, and would again.
        if attempt.requestBytesSent, !attempt.connectionMayBeStale { return .surface(.connectionWasFresh) }
        if attempt.isBoundToConnection { return .surface(.boundToConnection) }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.postRetried) { return .retryFresh }
        #endif
        if attempt.requestBytesSent {
            if !attempt.method.isIdempotent { return .surface(.notIdempotent) }
            if !attempt.bodyIsReplayable { return .surface(.bodyNotReplayable) }
        }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.retriesUncounted) { return .retryFresh }
        #endif
        if attempt.number > maxRetries { return .surface(.retriesUsedUp) }
        return budgetAllows ? .retryFresh : .surface(.budgetEmpty)
    }

    /// The same question before the request is sent: if the connection that it is about to get turns out to be stale, is the
    /// request sent again? `number` is that of the attempt to come.
    package static func isRetryable(
        _ method: Method, number: Int, bodyIsReplayable: Bool, maxRetries: Int, budgetAllows: Bool
    ) -> Bool {
        let lost = RequestAttempt(
            method: method, number: number, failure: .connectionLost, connectionMayBeStale: true,
            requestBytesSent: true,
            bodyIsReplayable: bodyIsReplayable, isBoundToConnection: false)
        return decide(after: lost, maxRetries: maxRetries, budgetAllows: budgetAllows) == .retryFresh
    }
}
