import HTTPWire
import ProxyTypes
import Upstream

/// Decides from a request's head whether a gateway takes it: only requests to its own origin.
enum GatewayRouting {
    static func route(
        _ head: borrowing RequestHead, _ bytes: RawSpan, loop: ProxyLoop, gateway: Gateway
    ) -> Result<GatewayTarget, ErrorResponse> {
        switch head.form {
        case .origin, .asterisk: break
        case .authority:
            let text = "a gateway serves one origin and opens no tunnels: send CONNECT to the proxy's own port"
            return .failure(ErrorResponse(status: 405, kind: .httpRequestDenied, detail: text))
        case .absolute:
            guard names(gateway, head, bytes) else {
                let text =
                    "this gateway serves \(gateway.route?.origin.description ?? "no origin any more"), and the "
                    + "request is for another: send it to the proxy's own port"
                return .failure(ErrorResponse(status: 421, kind: .httpRequestError, detail: text))
            }
        }
        return gateway.target()
    }

    /// Whether an absolute-form target is the gateway's origin, or the gateway itself.
    private static func names(_ gateway: Gateway, _ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        guard let host = try? OriginHost(parsing: RequestRouting.text(bytes, head.host)) else { return false }
        let scheme: Origin.Scheme = head.scheme == .https ? .https : .http
        if Origin(scheme: scheme, host: host, port: head.port) == gateway.route?.origin { return true }
        return scheme == .http && gateway.isNamed(host: host, port: head.port)
    }
}

extension ClientHandler {
    /// To the gateway's origin, or refused.
    func route(_ exchange: Exchange, through gateway: Gateway, _ bytes: RawSpan, now: Instant) {
        if RequestRouting.mayGoNowhere(loop.requestHead),
            let reply = RequestRouting.ownReply(loop.requestHead, bytes, loop: loop)
        {
            return exchange.prepare(loop.requestHead, reply, now: now)
        }
        switch GatewayRouting.route(loop.requestHead, bytes, loop: loop, gateway: gateway) {
        case .failure(let refusal): exchange.prepare(loop.requestHead, .error(refusal), now: now)
        case .success(let target):
            gateway.requests += 1
            let answers = gatewayAnswers(of: target, bytes)
            exchange.prepare(loop.requestHead, bytes, pool: target.pool, gateway: answers, now: now)
        }
    }

    private func gatewayAnswers(of target: GatewayTarget, _ bytes: RawSpan) -> GatewayAnswers {
        if let answers, answers.serves(target, loop.requestHead, bytes) { return answers }
        let made = GatewayAnswers(target, loop.requestHead, bytes)
        answers = made
        return made
    }
}
