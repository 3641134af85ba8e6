import ProxyTypes

extension CloseReason {
    /// A sentence for people, with the setting that governs it where there is one.
    var explanation: String {
        switch self {
        case .idleTimeout: "it was idle for idle_timeout"
        case .learnedIdleBound:
            "it was idle for as long as its origin or its path keeps idle connections, as learned (connctl show)"
        case .keepAliveHint:
            "the origin's Keep-Alive field said how long or how often it may be used (keep_alive_margin)"
        case .maxLifetime: "it reached max_lifetime, varied by lifetime_jitter"
        case .maxRequests:
            "it had served max_requests_per_connection, or as many as its origin was seen to answer on one connection"
        case .originConnectionClose: "the origin said Connection: close, or speaks HTTP/1.0"
        case .originFinIdle:
            "the origin closed it while it was idle; where idle_timeout is auto, that is how its limit is learned"
        case .originRstIdle: "the origin, or something on the way, reset it while it was idle or carried a tunnel"
        case .originClosedMidResponse: "the origin closed it before its response was complete"
        case .responseUntilClose: "the response had no length: its end was the connection's"
        case .framingError: "the origin's response was malformed"
        case .unsolicitedBytes: "the origin sent bytes that were not part of any response"
        case .clientAborted: "the client went away in the middle of its exchange"
        case .headersTimeout: "no response began within headers_timeout"
        case .bodyTimeout: "no more of the response arrived within body_idle_timeout"
        case .writeTimeout: "the origin accepted nothing of the request for headers_timeout"
        case .dialFailed: "it could not be opened"
        case .tlsFailed: "the TLS handshake failed"
        case .dnsDrain: "its address is no longer among the origin's"
        case .settingsChanged: "the settings it was opened with changed"
        case .poolShrink:
            "there were more than max_connections, max_idle or max_upstream_connections allow, or a request needed its room"
        case .fdPressure: "file descriptors ran short, and idle connections are closed first"
        case .drained: "an operator drained it, or its tunnel's client had ended"
        case .killed: "an operator closed it, or connd was stopped at once"
        case .shutdown: "connd was stopping"
        case .pathBlackHole:
            "its path no longer carried anything: what was sent was never acknowledged (tcp_idle_probe, tcp_keepalive)"
        case .pinned:
            "authentication had bound it to one client (NTLM, Negotiate), and that client is gone or has another one"
        case .earlyResponse: "the response was complete before the request was: the rest was not needed"
        case .distrusted:
            "another connection to this origin was lost without notice, and this one had not proved alive since"
        }
    }
}
