import HTTPWire
import Metering
import ProxyTypes
import Upstream

/// What a client of which connd has ended the TLS may ask for: the host and port of its CONNECT, and nothing else. Loop-bound.
final class Interior {
    let key: ClientRefusals.Key
    /// When its handshake ended.
    let since: Instant
    private let origin: Origin
    /// As decided earlier; nil where policy or settings may have changed since.
    private var pool: UpstreamPool?
    /// The Host of an earlier request that was for the origin: the same again need not be parsed.
    private var knownAuthority: WrittenAuthority?
    /// It has offered http/1.1 in its ClientHello; a client without ALPN may speak another protocol.
    private let hasChosenHTTP: Bool
    private(set) var requests = 0

    /// A client that leaves sooner, and has asked for nothing, did not like the certificate.
    static let timeToAsk = Interval.seconds(5)

    init(_ key: ClientRefusals.Key, pool: UpstreamPool, since: Instant, hasChosenHTTP: Bool) {
        self.key = key
        self.hasChosenHTTP = hasChosenHTTP
        self.since = since
        self.pool = pool
        origin = pool.origin
    }

    func forgetPool() { pool = nil }

    func countRequest() { requests += 1 }

    /// Whether it would count as a refusal if its connection ended now. A client that may speak another protocol can wait for
    /// longer before it gives up.
    func hasLeftUnasked(now: Instant) -> Bool { requests == 0 && (!hasChosenHTTP || now - since < Self.timeToAsk) }

    func findPool(_ loop: ProxyLoop) -> Result<UpstreamPool, ErrorResponse> {
        if let pool, !pool.isForgotten { return .success(pool) }
        let found = RequestRouting.pool(for: origin, loop)
        if case .success(let new) = found { pool = new }
        return found
    }

    /// Why the request is not for the origin; nil where it is.
    func objection(to head: borrowing RequestHead, _ bytes: RawSpan) -> ErrorResponse? {
        switch head.form {
        case .origin, .asterisk:
            // HTTP/1.0 need not say a host.
            guard !head.authority.isEmpty else { return nil }
        case .authority:
            let text =
                "connd intercepts this tunnel and opens no tunnels inside it: send CONNECT to the proxy itself"
            return ErrorResponse(status: 405, kind: .httpRequestDenied, detail: text)
        case .absolute: guard head.scheme == .https else { return misdirected(head, bytes) }
        }
        if let knownAuthority, knownAuthority.isOf(head, bytes) { return nil }
        // Where a target has no scheme, the head takes http's port for the default.
        let port = head.host.count == head.authority.count ? Origin.Scheme.https.defaultPort : head.port
        guard let host = try? OriginHost(parsing: RequestRouting.text(bytes, head.host)),
            Origin(scheme: .https, host: host, port: port) == origin
        else { return misdirected(head, bytes) }
        knownAuthority = WrittenAuthority(head, bytes)
        return nil
    }

    private func misdirected(_ head: borrowing RequestHead, _ bytes: RawSpan) -> ErrorResponse {
        let named = RequestRouting.text(bytes, head.authority).prefix(100)
        let text =
            "this tunnel leads to \(origin), and the request inside is for `\(named)`: open another tunnel for it"
        return ErrorResponse(status: 421, kind: .httpRequestError, detail: text)
    }
}

extension ClientHandler {
    /// To the origin that its CONNECT named, or refused.
    func route(_ exchange: Exchange, inside interior: Interior, _ bytes: RawSpan, now: Instant) {
        if interior.requests == 0 { loop.refusals.accepted(interior.key, now: now) }
        interior.countRequest()
        defer { exchange.record.intercept = .intercepted }
        if RequestRouting.mayGoNowhere(loop.requestHead),
            let reply = RequestRouting.ownReply(loop.requestHead, bytes, loop: loop)
        {
            return exchange.prepare(loop.requestHead, reply, now: now)
        }
        let found = interior.findPool(loop)
        if let objection = interior.objection(to: loop.requestHead, bytes) {
            if case .success(let pool) = found { pool.noteInterception { $0.misdirected += 1 } }
            // What follows might be for somebody else as well.
            return exchange.prepareLast(loop.requestHead, .error(objection), now: now)
        }
        switch found {
        case .failure(let refusal): exchange.prepare(loop.requestHead, .error(refusal), now: now)
        case .success(let pool): exchange.prepare(loop.requestHead, bytes, pool: pool, gateway: nil, now: now)
        }
    }

    /// What it has sent is no request.
    func noteNoRequest() {
        guard let interior, interior.requests == 0 else { return }
        loop.noteRefusal(interior.key, .notHTTP)
        interior.countRequest()
    }

    /// Its connection ends.
    func noteEndInside(now: Instant) {
        guard let interior, interior.hasLeftUnasked(now: now) else { return }
        switch state {
        case .idle, .leaving:
            if case .success(let pool) = interior.findPool(loop) { pool.noteInterception { $0.refused += 1 } }
            loop.noteRefusal(interior.key, .closed)
            interior.countRequest()
        // A request has begun.
        case .head, .opening, .serving, .body, .finishing, .tunnel, .flushing, .lingering, .closingAfterOutput, .closed:
            break
        }
    }
}
