package enum RetryDecision: Equatable, BitwiseCopyable, Sendable {
    /// Send it again, on a connection that never served a request.
    case retryFresh
    case surface(RetryRefusal)
}

/// Why a failed request is not sent again: a label.
package enum RetryRefusal: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case responseStarted, notIdempotent, bodyNotReplayable, connectionWasFresh, boundToConnection, retriesUsedUp,
        budgetEmpty

    package var name: String {
        switch self {
        case .responseStarted: "response_started"
        case .notIdempotent: "not_idempotent"
        case .bodyNotReplayable: "body_not_replayable"
        case .connectionWasFresh: "connection_was_fresh"
        case .boundToConnection: "bound_to_connection"
        case .retriesUsedUp: "retries_used_up"
        case .budgetEmpty: "budget_empty"
        }
    }
}

/// Decides whether a request whose connection failed is sent again (RFC 9112 9.3.1). It takes nothing from the budget.
package struct RetryPolicy: Sendable {
    /// `reused`: it had served before, or lain idle since its dial.
    /// `bound`: its credentials go on with a login that was begun on this connection and means nothing on another.
    /// `attempts`: how often it was tried so far, with the one that failed: 1 after the first failure.
    package static func decide(
        method: Method, reused: Bool, anyRequestByteSent: Bool, anyResponseByteReceived: Bool, bodyReplayable: Bool,
        bound: Bool, attempts: Int, maxRetries: Int, budgetAllows: Bool
    ) -> RetryDecision {
        if anyResponseByteReceived { return .surface(.responseStarted) }
        if bound { return .surface(.boundToConnection) }
        if anyRequestByteSent {
            // Any byte may have made the origin act. What was sent on a connection that had worked before was most
            // likely lost in the keep-alive race; on a fresh one the origin itself failed, and would again.
            if !method.isIdempotent { return .surface(.notIdempotent) }
            if !bodyReplayable { return .surface(.bodyNotReplayable) }
            if !reused { return .surface(.connectionWasFresh) }
        }
        if attempts > maxRetries { return .surface(.retriesUsedUp) }
        return budgetAllows ? .retryFresh : .surface(.budgetEmpty)
    }
}
