import HTTPWire
import Metering
import ProxyTypes
import Upstream

/// Decides from a request's head whether a gateway takes it: only requests to its own origin, and over TCP none that a page in
/// a browser has made.
enum GatewayRouting {
    struct Refused: Error {
        let reason: GatewayRefusal
        let response: ErrorResponse

        init(_ reason: GatewayRefusal, status: Int, _ kind: ProxyError.Kind, _ detail: String) {
            self.reason = reason
            response = ErrorResponse(status: status, kind: kind, detail: detail)
        }
    }

    /// `overNetwork`: the client came to a TCP port, which pages can reach too.
    static func check(
        _ head: borrowing RequestHead, _ bytes: RawSpan, _ gateway: Gateway, overNetwork: Bool
    ) throws(Refused) {
        switch head.form {
        case .origin, .asterisk:
            if overNetwork { try checkHost(head, bytes, gateway) }
        case .authority:
            let text = "a gateway serves one origin and opens no tunnels: send CONNECT to the proxy's address"
            throw Refused(.tunnel, status: 405, .httpRequestDenied, text)
        case .absolute:
            guard names(gateway, head, bytes) else {
                let text =
                    "this gateway serves \(gateway.route?.origin.description ?? "no origin any more"), and the "
                    + "request is for another: send it to the proxy's address"
                throw Refused(.otherOrigin, status: 421, .httpRequestError, text)
            }
        }
        if overNetwork, mayBePages(head) { try checkPage(head, bytes) }
    }

    /// Whether the head has a field that `checkPage` looks at. Few programs send either.
    @inline(__always)
    static func mayBePages(_ head: borrowing RequestHead) -> Bool {
        head.fields.contains(.origin) || head.fields.contains(.secFetchSite)
    }

    /// Against DNS rebinding: a page whose server's name resolves to this host sends that name in Host. A request without Host
    /// passes: only HTTP/1.0 allows it, which browsers do not speak.
    private static func checkHost(_ head: borrowing RequestHead, _ bytes: RawSpan, _ gateway: Gateway) throws(Refused) {
        guard !head.authority.isEmpty else { return }
        let text = RequestRouting.text(bytes, head.host)
        if let host = try? OriginHost(parsing: text), gateway.answers(to: host) { return }
        let detail =
            "this gateway does not answer for the host `\(text.prefix(100))`: use the gateway's address, or add the host to "
            + "its allow_hosts"
        throw Refused(.foreignHost, status: 403, .httpRequestDenied, detail)
    }

    private static func checkPage(_ head: borrowing RequestHead, _ bytes: RawSpan) throws(Refused) {
        let authority = RequestRouting.text(bytes, head.authority)
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            guard field.id == .origin || field.id == .secFetchSite else { continue }
            let value = RequestRouting.text(bytes, field.value)
            let isForeign =
                field.id == .origin
                ? !PageRequests.isOwn(origin: value, authority: authority) : PageRequests.isForeign(fetchSite: value)
            guard isForeign else { continue }
            let detail =
                "gateways serve programs, and this request comes from a web page of another site "
                + "(\(field.id == .origin ? "Origin" : "Sec-Fetch-Site"): \(value.prefix(100)))"
            throw Refused(.foreignPage, status: 403, .httpRequestDenied, detail)
        }
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
        // Most clients send the same Host with each request.
        if let answers, answers.serves(gateway.knownTarget, loop.requestHead, bytes),
            !cameOverNetwork || !GatewayRouting.mayBePages(loop.requestHead)
        {
            return forward(exchange, answers, gateway, bytes, now: now)
        }
        do throws(GatewayRouting.Refused) {
            try GatewayRouting.check(loop.requestHead, bytes, gateway, overNetwork: cameOverNetwork)
        } catch {
            gateway.refused[error.reason] += 1
            return exchange.prepare(loop.requestHead, .error(error.response), now: now)
        }
        switch gateway.target() {
        case .failure(let refusal): exchange.prepare(loop.requestHead, .error(refusal), now: now)
        case .success(let target):
            let made = GatewayAnswers(target, loop.requestHead, bytes)
            answers = made
            forward(exchange, made, gateway, bytes, now: now)
        }
    }

    private func forward(
        _ exchange: Exchange, _ answers: GatewayAnswers, _ gateway: Gateway, _ bytes: RawSpan, now: Instant
    ) {
        gateway.requests += 1
        exchange.prepare(loop.requestHead, bytes, pool: answers.target.pool, gateway: answers, now: now)
    }
}
