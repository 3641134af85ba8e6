import ProxyTypes
import Tuning

/// The elements of a scenario that the shrinker can remove one by one.
extension Scenario {
    var elementCount: Int {
        var count = 0
        _ = keeping { _ in
            count += 1
            return true
        }
        return count
    }

    /// The scenario without the elements for which `isKept` is false. It is called once for each element, in order.
    func keeping(_ isKept: (Int) -> Bool) -> Scenario {
        withoutActuallyEscaping(isKept) { isKept in
            var selection = Selection(isKept: isKept)
            var kept = self
            kept.happenings = happenings.filter { _ in selection.keeps() }
            kept.clients = clients.compactMap { selection.reduced($0) }
            kept.origins = origins.map { selection.reduced($0) }
            if !selection.keeps() { kept.clientPath = Path() }
            if !selection.keeps() { kept.originPath = Path() }
            if !selection.keeps() { kept.proxy = ProxyPlan() }
            return kept
        }
    }
}

private struct Selection {
    let isKept: (Int) -> Bool
    private var next = 0

    init(isKept: @escaping (Int) -> Bool) {
        self.isKept = isKept
    }

    mutating func keeps() -> Bool {
        defer { next += 1 }
        return isKept(next)
    }

    mutating func reduced(_ client: ClientPlan) -> ClientPlan? {
        let isKept = keeps()
        var client = client
        client.requests = client.requests.compactMap { reduced($0) }
        client.rests = client.rests.filter { _ in keeps() }
        if client.departure != nil, !keeps() { client.departure = nil }
        if client.ending != .close, !keeps() { client.ending = .close }
        if client.start > .zero, !keeps() { client.start = .zero }
        return isKept && !client.requests.isEmpty ? client : nil
    }

    private mutating func reduced(_ request: RequestPlan) -> RequestPlan? {
        let isKept = keeps()
        var request = request
        if request.writes > 1, !keeps() { request.writes = 1 }
        if request.stop != nil, !keeps() { request.stop = nil }
        if request.expectsContinue, !keeps() { request.expectsContinue = false }
        if request.think > .zero, !keeps() { request.think = .zero }
        if request.isPipelined, !keeps() { request.isPipelined = false }
        if let body = request.body, body.size > 16, !keeps() { request.body?.size = 16 }
        request.answers = request.answers.map { reduced($0) }
        return isKept ? request : nil
    }

    private mutating func reduced(_ answer: AnswerPlan) -> AnswerPlan {
        var answer = answer
        if answer.delay > .zero, !keeps() { answer.delay = .zero }
        if answer.fault != nil, !keeps() { answer.fault = nil }
        if answer.writes > 1, !keeps() { answer.writes = 1 }
        if answer.interim > 0, !keeps() { answer.interim = 0 }
        if answer.ending != .keep, !keeps() { answer.ending = .keep }
        if answer.isEarly, !keeps() { answer.isEarly = false }
        if answer.speaksOn, !keeps() { answer.speaksOn = false }
        if answer.size > 16, !keeps() { answer.size = 16 }
        return answer
    }

    mutating func reduced(_ origin: OriginPlan) -> OriginPlan {
        var origin = origin
        if origin.idleEnd != nil, !keeps() { origin.idleEnd = nil }
        if origin.maxAnswers != nil, !keeps() { origin.maxAnswers = nil }
        if origin.keepAliveHint != nil, !keeps() { origin.keepAliveHint = nil }
        if let tls = origin.tls { origin.tls = reduced(tls) }
        if origin.addressCount > 1, !keeps() { origin.addressCount = 1 }
        return origin
    }
}

extension Selection {
    private mutating func reduced(_ tls: TLSPlan) -> TLSPlan {
        var tls = tls
        if tls.recordSize < Records.maxPayload, !keeps() { tls.recordSize = Records.maxPayload }
        if tls.keyUpdates != nil, !keeps() { tls.keyUpdates = nil }
        if tls.tickets > 0, !keeps() { tls.tickets = 0 }
        if tls.endDelay > .zero, !keeps() { tls.endDelay = .zero }
        tls.handshakes = tls.handshakes.map { handshake in
            var handshake = handshake
            if handshake.fault != nil, !keeps() { handshake.fault = nil }
            if handshake.writes > 1, !keeps() { handshake.writes = 1 }
            return handshake
        }
        return tls
    }
}

// MARK: As text

extension Scenario: CustomStringConvertible {
    /// One line for each client, origin and action.
    var description: String {
        var lines = ["scenario \(seed), calm \(calm)"]
        lines.append("  connd: \(proxy.summary)")
        lines.append("  to clients: \(clientPath)")
        lines.append("  to origins: \(originPath)")
        for (index, origin) in origins.enumerated() { lines.append("  origin \(index): \(origin.summary)") }
        for (index, client) in clients.enumerated() {
            lines.append("  client \(index): \(client.summary)")
            for request in client.requests { lines.append("    \(request.summary)") }
        }
        for happening in happenings { lines.append("  at \(happening.at.text): \(happening.what.summary)") }
        return lines.joined(separator: "\n")
    }
}

extension Interval {
    fileprivate var text: String { "\(Double(nanoseconds / 1000) / 1000) ms" }
}

extension ProxyPlan {
    fileprivate var summary: String {
        "max_client_connections \(maxClientConnections), max_upstream_connections \(maxUpstreamConnections), "
            + "max_buffer \(maxBuffer), client_head_timeout \(clientHeadTimeout.text), "
            + "client_idle_timeout \(clientIdleTimeout.text), client_body_timeout \(clientBodyTimeout.text), "
            + "close_linger \(closeLinger.text)"
    }
}

extension OriginPlan {
    fileprivate var summary: String {
        var text = isLiteral ? "by address" : "\(addressCount) address(es)"
        if let idleEnd { text += ", ends idle connections after \(idleEnd.after.text) (\(idleEnd.manner))" }
        if let maxAnswers { text += ", \(maxAnswers) answers a connection" }
        if let keepAliveHint { text += ", hints \(keepAliveHint) s" }
        if let tls { text += ", \(tls.summary)" }
        return text + "; " + settings.summary
    }
}

extension EffectiveSettings {
    /// The settings that matter to the simulation.
    fileprivate var summary: String {
        "max_connections \(maxConnections), max_idle \(maxIdle), min_idle \(minIdle), max_queue \(maxQueue)"
            + ", queue_timeout \(queueTimeout.text), retries \(maxRetries), pipelining \(pipelining) \(pipelineDepth)"
            + ", max_requests \(maxRequestsPerConnection), idle_timeout \(idleTimeout), order \(reuseOrder)"
            + ", max_tunnels \(maxTunnels), headers_timeout \(headersTimeout.text), replay_buffer \(replayBuffer)"
            + (tls == .originate ? ", tls originate" : "") + ", tls_timeout \(tlsTimeout.text), tls_verify \(tlsVerify)"
            + ", tls_min_version \(tlsMinVersion), tls_ca_file \(tlsCaFile ?? "-"), tls_server_name "
            + "\(tlsServerName ?? "-"), \(tlsPins.count) pins"
    }
}

extension ClientPlan {
    fileprivate var summary: String {
        var text = "from \(start.text), ends by \(ending)"
        if isOneShot { text += ", one request a connection" }
        for rest in rests { text += ", reads nothing for \(rest.length.text) after \(rest.afterBytes) bytes" }
        if let departure { text += ", leaves (\(departure.manner)) at \(departure.trigger)" }
        return text
    }
}

extension RequestPlan {
    fileprivate var summary: String {
        var text = "\(verb.rawValue) \(nonce) to origin \(origin) (1.\(minorVersion))"
        switch kind {
        case .plain: break
        case .tunnel(let plan), .upgrade(let plan):
            text += " tunnel \(plan.fromClient) and \(plan.fromOrigin) bytes, ending \(plan.ending)"
        case .garbage: text += " garbage"
        }
        if let body { text += ", \(body.size) bytes\(body.isChunked ? " in chunks" : "")" }
        if think > .zero { text += ", after \(think.text)" }
        if isPipelined { text += ", pipelined" }
        if expectsContinue { text += ", expects 100" }
        if logsIn { text += ", logs in" }
        if writes > 1 { text += ", in \(writes) writes, \(pause.text) apart" }
        if let stop { text += ", stops at \(stop.at) ‰ (\(stop.manner))" }
        return text + " → " + answers.map(\.summary).joined(separator: " | ")
    }
}

extension AnswerPlan {
    fileprivate var summary: String {
        var text = "\(status), \(size) bytes (\(framing))"
        if delay > .zero { text += " after \(delay.text)" }
        if isEarly { text += " early" }
        if interim > 0 { text += " \(interim) interim" }
        if writes > 1 { text += " in \(writes) writes, \(pause.text) apart" }
        if ending != .keep { text += " then \(ending)" }
        if endsUnannounced { text += " (no close_notify)" }
        if let fault { text += " cut at \(fault.at) ‰ (\(fault.kind))" }
        if speaksOn { text += " and more" }
        return text
    }
}

extension Happening.What {
    var summary: String {
        switch self {
        case .settings(let origin, let settings): "settings of origin \(origin): \(settings.summary)"
        default: "\(self)"
        }
    }
}
