/// Why an upstream connection ended. A closed set, used in logs, metrics and the API.
package enum CloseReason: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case idleTimeout, keepAliveHint, maxLifetime, maxRequests, originConnectionClose, originFinIdle, originRstIdle
    case originClosedMidResponse, responseUntilClose, framingError, unsolicitedBytes, clientAborted, headersTimeout
    case bodyTimeout, writeTimeout, dialFailed, settingsChanged, poolShrink, fdPressure, drained, killed, shutdown
    case earlyResponse, pinned, distrusted
    case learnedIdleBound, tlsFailed, dnsDrain, pathBlackHole

    package var name: String {
        switch self {
        case .idleTimeout: "idle_timeout"
        case .learnedIdleBound: "learned_idle_bound"
        case .keepAliveHint: "keep_alive_hint"
        case .maxLifetime: "max_lifetime"
        case .maxRequests: "max_requests"
        case .originConnectionClose: "origin_connection_close"
        case .originFinIdle: "origin_fin_idle"
        case .originRstIdle: "origin_rst_idle"
        case .originClosedMidResponse: "origin_closed_mid_response"
        case .responseUntilClose: "response_until_close"
        case .framingError: "framing_error"
        case .unsolicitedBytes: "unsolicited_bytes"
        case .clientAborted: "client_aborted"
        case .headersTimeout: "headers_timeout"
        case .bodyTimeout: "body_timeout"
        case .writeTimeout: "write_timeout"
        case .dialFailed: "dial_failed"
        case .tlsFailed: "tls_failed"
        case .dnsDrain: "dns_drain"
        case .settingsChanged: "settings_changed"
        case .poolShrink: "pool_shrink"
        case .fdPressure: "fd_pressure"
        case .drained: "drained"
        case .killed: "killed"
        case .shutdown: "shutdown"
        case .pathBlackHole: "path_black_hole"
        case .earlyResponse: "early_response"
        case .pinned: "pinned"
        case .distrusted: "distrusted"
        }
    }

    package enum Side: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        case origin, ours, client

        package var name: String {
            switch self {
            case .origin: "origin"
            case .ours: "connd"
            case .client: "client"
            }
        }
    }

    /// Which side caused it.
    package var side: Side {
        switch self {
        case .originConnectionClose, .originFinIdle, .originRstIdle, .originClosedMidResponse, .responseUntilClose,
            .framingError, .unsolicitedBytes, .earlyResponse:
            .origin
        case .clientAborted: .client
        case .idleTimeout, .learnedIdleBound, .keepAliveHint, .maxLifetime, .maxRequests, .headersTimeout, .bodyTimeout,
            .writeTimeout, .dialFailed, .tlsFailed, .dnsDrain, .settingsChanged, .poolShrink, .fdPressure, .drained,
            .killed, .shutdown, .pathBlackHole, .pinned, .distrusted:
            .ours
        }
    }
}
