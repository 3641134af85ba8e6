import AdminModels

/// The allowed words and ranges that a model's types do not express. Keyed by `Model.property`.
enum SchemaAnnotations {
    private static func words(_ words: String...) -> JSONValue { ["enum": .list(words.map { .text($0) })] }
    private static let sources = words("default", "learned", "file", "override", "trial")
    private static let time: JSONValue = ["description": "RFC 3339, UTC."]
    private static let ratio: JSONValue = ["minimum": 0, "maximum": 1]

    static let all: [String: JSONValue] = [
        "StatusReport.run": [
            "minimum": 0,
            "description": "The number of this run of connd, counted from 1; 0 if the database could not be read.",
        ],
        "StatusReport.previous_end": words(
            "stopped", "failed", "killed", "crashed", "watchdog", "timeout", "out_of_memory", "unknown"
        ).merging(["description": "How the previous run ended; null for the first."]),
        "StatusReport.connect_ports": ["description": "The ports that CONNECT may reach; null for any."],
        "StatusReport.state": words("running", "stopping"),
        "StatusReport.accept_paused": words("full", "descriptors").merging([
            "description": "Why new clients wait to be accepted; null if none waits."
        ]),
        "StatusReport.started_at": time,
        "Totals.reuse_ratio": ratio.merging(["description": "The share of leases that reused a connection."]),
        "OriginSummary.reuse_ratio": ratio,
        "HistoryPoint.reuse_ratio": ratio,
        "StatusReport.unverified": ["description": "The patterns whose origins' certificates are not verified."],
        "StatusReport.unverified_origins": ["description": "Known https origins whose certificates are not verified."],
        "UnverifiedReport.source": words("file", "override", "trial"),
        "OriginSummary.unverified": ["description": "Its certificate is not verified: tls_verify is none."],
        "OriginSummary.reached": words("pooled", "tunnelled", "intercepted", "spliced"),
        "OriginSummary.spliced_because": [
            "description": "The most frequent reason for which it is tunnelled although `intercept` is on."
        ],
        "InterceptionReport.spliced": ["description": "Tunnelled although `intercept` is on, by reason."],
        "InterceptionReport.misdirected": ["description": "Requests for another host than that of CONNECT."],
        "NameReport.resolver": words("auto", "dns", "system"),
        "NameReport.state": words("fresh", "stale", "expired", "absent", "failed", "unknown"),
        "NameReport.source": words("dns", "hosts", "system", "loopback").merging([
            "description": "Who answered; null before the first answer."
        ]),
        "NameReport.ttl_ms": ["description": "As the answer said; null where it told none."],
        "NameReport.expires_in_ms": ["description": "Negative where it has expired; null without an answer."],
        "NameAddressReport.is_current": ["description": "False for one that has left the name and has connections."],
        "NameRefreshRequest.name": longest(255),
        "NameRefreshRequest.reason": longest(BodyLimits.reason),
        "ConnectionReport.address_source": words("dns", "hosts", "system", "loopback", "literal").merging([
            "description": "Where its address is from; null where that is not known any more."
        ]),
        "DialAttemptReport.outcome": words(
            "connected", "refused", "timed_out", "unreachable", "failed", "overtaken"),
        "ClientRefusalReport.hello": ["description": "A hash of what it offers, which tells TLS libraries apart."],
        "ClientRefusalReport.manner": ["description": "`closed`, or the alert that it sent, such as `unknown_ca`."],
        "ProgramsReport.time": time,
        "ProgramReport.kind": words("unit", "executable", "user", "remote", "unknown", "other"),
        "ProgramReport.pid": ["description": "Of the process that connected last; null where it is not known."],
        "ProgramOriginReport.connections": ["description": "Of the program, those that have asked this origin."],
        "WhatIfReport.requests": ["description": "In the time observed; what is older than a day counts half."],
        "WhatIfReport.replayed": ["description": "The latest requests, which were replayed for the waits."],
        "WhatIfFiguresReport.reuse_ratio": ratio,
        "WhatIfFiguresReport.waiting_ratio": ratio.merging([
            "description": "The share of requests that wait because max_connections are busy."
        ]),
        "WhatIfFiguresReport.race_ratio": ratio.merging([
            "description": "The share of requests that are sent while the origin closes their connection."
        ]),
        "WhatIfFiguresReport.overloaded": [
            "description": "More comes than so few connections can serve: the waits mean no more than that."
        ],
        "PortsReport.time": time,
        "PortsReport.time_wait_reuse": words("never", "always", "on_loopback"),
        "PortsReport.dials_without_port": ["description": "Dials for which the kernel had no port (EADDRNOTAVAIL)."],
        "PortPathReport.state": words("ample", "running_out", "short"),
        "PortPathReport.exhaustion": [
            "description":
                "In how long no port is free if this goes on; null where that is not to be expected within an hour."
        ],
        "PortPathReport.origins": ["description": "Origins that connd reaches there; at most 10."],
        "StoreReport.state": words("ok", "failing"),
        "StoreReport.fault": words(
            "full", "read_only", "locked", "in_use", "corrupt", "missing", "unopenable", "other"),
        "HealthReport.status": words("ok", "failing"),
        "OriginFiguresReport.requests": [
            "description": "By method class (safe, idempotent, unsafe) and outcome (2xx, proxy_error, cut and so on)."
        ],
        "OriginFiguresReport.closed": ["description": "By close reason."],
        "SettingDefinitionReport.kind": words(
            "count", "duration", "size", "percent", "flag", "choice", "keepalive", "addresses", "name", "path", "host",
            "pins", "clients"),
        "SettingDefinitionReport.effect": words(
            "at once", "new connections", "new leases", "new requests", "new exchanges", "new tunnels", "next look-up"),
        "ResolvedSettingReport.source": sources,
        "RefusedSettingReport.source": sources,
        "ResolvedSettingReport.value_ms": ["description": "For durations."],
        "ResolvedSettingReport.base": ["description": "What it was set over."],
        "DifferenceReport.source": words("override", "trial"),
        "DifferenceReport.conflict": [
            "description": "The file has changed since it was set: `base` and `inherited` differ."
        ],
        "ConnectionReport.state": .object([
            .init(name: "enum", value: .list(ConnectionQuery.states.map { .text($0) }))
        ]),
        "TLSReport.version": words("1.2", "1.3"),
        "DelayReport.side": words("origin", "connd"),
        "FirstRoundTripsReport.origin_was": words("new", "busy", "idle"),
        "LearnedReport.state": words(
            "unknown", "hinted", "tentative", "partial", "learned", "doubtful", "erratic", "path", "unlimited"),
        "DoctorReport.state": .object([.init(name: "enum", value: .list(DoctorReport.states.map { .text($0) }))]),
        "DoctorReport.doing": [
            "description": "The finding that is being looked for; null while only idle connections are watched."
        ],
        "FindingReport.measured": ["description": "False: it could not be measured, and `verdict` says why."],
        "FindingReport.value_ms": ["description": "The time that it is about."],
        "FindingReport.count": ["description": "Requests, connections or addresses."],
        "RemarkReport.kind": words("agrees", "differs", "warns"),
        "RemarkReport.setting": ["description": "What would help, as `connctl set` takes it."],
        "DoctorRequest.path": longest(BodyLimits.path).merging([
            "description": "Asked for by HEAD, or by GET where HEAD is refused. Null or absent: `/`."
        ]),
        "DoctorRequest.post_path": longest(BodyLimits.path).merging([
            "description": "Where a request with `Expect: 100-continue` is begun; its body is never sent."
        ]),
        "DoctorRequest.wait": longest(BodyLimits.word).merging([
            "description": "How long idle connections are watched: 1s to 15m, or 0s. Null or absent: 75s."
        ]),
        "DoctorRequest.reason": longest(BodyLimits.reason),
        "AdviceReport.state": .object([
            .init(name: "enum", value: .list(AdviceQuery.states.map { .text($0) }))
        ]),
        "AdviceReport.confidence": words("low", "medium", "high"),
        "AdviceReport.given": time,
        "AdviceReport.action": ["description": "What people have to do; null where a setting helps."],
        "AdviceReport.safe": ["description": "Whether `advice: auto` tries it without asking."],
        "EvidenceReport.unit": words(
            "count", "per_hour", "per_day", "share", "microseconds", "microseconds_per_hour"),
        "PredictionReport.unit": words(
            "count", "per_hour", "per_day", "share", "microseconds", "microseconds_per_hour"),
        "PredictionReport.goal": ["description": "A trial confirms the advice where the figure is at most this."],
        "AdviceDecisionRequest.reason": longest(BodyLimits.reason),
        "PathReport.state": words("suspected", "confirmed", "forgotten"),
        "TCPReport.congestion_state": words("open", "disorder", "cwr", "recovery", "loss"),
        "ConnectionReport.cause": words("demand", "warm_up", "replacement"),
        "ConnectionReport.closed_by": words("origin", "connd", "client"),
        "ExchangeReport.outcome": .object([
            .init(name: "enum", value: .list(ExchangeQuery.outcomes.map { .text($0) }))
        ]),
        "LostRaceReport.sign": words("fin", "reset", "silence"),
        "ExchangeReport.lease_cause": words(
            "none", "idle", "returned", "dialled", "retry", "pipelined", "tunnel"),
        "ExchangeReport.status": ["description": "0 if no response head arrived."],
        "PhaseReport.phase": words("queue", "dns", "connect", "tls", "send", "first_byte", "body"),
        "EventReport.type": words("setting", "action", "reload", "store", "origin", "ports", "advice", "tick", "reset"),
        "ChangeReport.hidden_by": words("override", "trial"),
        "Problem.type": ["format": "uri-reference"],
        "FieldProblem.pointer": [
            "description": "A JSON pointer into the body, `?name` for a query's parameter, `{name}` for a path's."
        ],
        "TrialSelection.settings": [
            "maxItems": .integer(BodyLimits.settings),
            "items": longest(BodyLimits.word).merging(["type": "string"]),
            "description": "Null or absent: all that are on trial.",
        ],
        "TrialSelection.reason": longest(BodyLimits.reason),
        "ActionRequest.origin": longest(BodyLimits.origin).merging([
            "description": "Null or absent: all origins (not for prewarm)."
        ]),
        "ActionRequest.count": [
            "minimum": .integer(ActionRequest.counts.lowerBound), "maximum": .integer(ActionRequest.counts.upperBound),
            "description": "For prewarm: how many connections to have idle.",
        ],
        "ActionRequest.reason": longest(BodyLimits.reason),
        "GatewayReport.source": words("file", "override"),
        "GatewayReport.cookie_secure": words("keep", "strip"),
        "GatewayRequest.origin": longest(BodyLimits.origin),
        "GatewayRequest.listen": [
            "maxItems": .integer(BodyLimits.listed), "items": longest(BodyLimits.word).merging(["type": "string"]),
            "description":
                "Null or absent: where it listens already, else a free port of 127.0.0.1, which it keeps.",
        ],
        "GatewayRequest.cookie_secure": longest(BodyLimits.word),
        "GatewayRequest.socket_mode": longest(BodyLimits.word),
        "GatewayRequest.allow_hosts": allowHosts,
        "GatewayRequest.reason": longest(BodyLimits.reason),
        "AuthoritiesReport.state": words("none", "ready", "unusable"),
        "AuthorityStatusReport.state": words("none", "ready", "unusable"),
        "AuthorityReport.role": words("current", "next", "retired"),
        "AuthorityReport.unconstrained": [
            "description": "It has no name constraints: whoever has its key can sign for any name."
        ],
        "AuthorityReport.root_fingerprint": ["description": "SHA-256 of the certificate, in hexadecimal."],
        "AuthorityRequest.domains": domains,
        "AuthorityRequest.unconstrained": ["description": "True: without name constraints, instead of domains."],
        "AuthorityRequest.reason": longest(BodyLimits.reason),
        "RotationRequest.domains": domains,
        "RotationRequest.unconstrained": [
            "description": "True: without name constraints, instead of domains. Without either: as the current one."
        ],
        "RotationRequest.switch_after": longest(BodyLimits.word).merging([
            "description": "How long after the request the new one takes over, 0s to 720h: 24h unless given."
        ]),
        "RotationRequest.reason": longest(BodyLimits.reason),
        "SettingsDocument.gateways": ["maxItems": .integer(BodyLimits.gateways)],
        "DocumentedGateway.name": longest(BodyLimits.word),
        "DocumentedGateway.origin": longest(BodyLimits.origin),
        "DocumentedGateway.listen": [
            "maxItems": .integer(BodyLimits.listed), "items": longest(BodyLimits.word).merging(["type": "string"]),
        ],
        "DocumentedGateway.cookie_secure": longest(BodyLimits.word),
        "DocumentedGateway.socket_mode": longest(BodyLimits.word),
        "DocumentedGateway.allow_hosts": allowHosts,
        "DocumentedGateway.reason": longest(BodyLimits.reason),
        "DocumentedGateway.actor": longest(BodyLimits.word),
        "DocumentedGateway.time": longest(BodyLimits.word),
        "SettingsDocument.format": ["const": "connd-settings"],
        "SettingsDocument.format_version": ["const": 1],
        "SettingsDocument.exported": longest(BodyLimits.word),
        "SettingsDocument.overrides": ["maxItems": .integer(BodyLimits.overrides)],
        "DocumentedSetting.pattern": longest(BodyLimits.origin),
        "DocumentedSetting.setting": longest(BodyLimits.word),
        "DocumentedSetting.value": longest(BodyLimits.value),
        "DocumentedSetting.reason": longest(BodyLimits.reason),
        "DocumentedSetting.actor": longest(BodyLimits.word),
        "DocumentedSetting.time": longest(BodyLimits.word),
    ]

    /// For strings that people write: no control characters.
    static let textPattern: JSONValue = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"

    private static let allowHosts: JSONValue = [
        "maxItems": .integer(BodyLimits.listed), "items": longest(BodyLimits.origin).merging(["type": "string"]),
    ]

    private static let domains: JSONValue = [
        "maxItems": .integer(BodyLimits.listed), "items": longest(BodyLimits.origin).merging(["type": "string"]),
        "description": "Each stands for itself and all names below it.",
    ]

    private static func longest(_ length: Int) -> JSONValue { ["maxLength": .integer(length), "pattern": textPattern] }
}
