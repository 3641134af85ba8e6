import HTTPWire
import ProxyTypes
import Upstream

/// Where a request goes.
enum Route {
    /// `known`: to be remembered; nil where there is no need to.
    case origin(UpstreamPool, known: KnownRoute?)
    case localReply(LocalReply)

    static func refuse(_ response: ErrorResponse) -> Route { .localReply(.error(response)) }
}

/// Decides from a request's head where it goes: to an origin's pool, or to an answer of connd's own.
enum RequestRouting {
    static func route(_ head: borrowing RequestHead, _ bytes: RawSpan, loop: ProxyLoop) -> Route {
        if mayGoNowhere(head), let reply = ownReply(head, bytes, loop: loop) { return .localReply(reply) }
        switch head.form {
        case .absolute:
            if let recent = loop.recentRoutes.find(head, bytes) { return .origin(recent.pool, known: recent) }
            return origin(head.scheme == .https ? .https : .http, head, bytes, loop)
        case .authority:
            guard loop.configuration.destinations.permitsConnect(to: head.port) else {
                let text = "CONNECT to port \(head.port) is not allowed: proxy.connect_ports does not list it"
                return .refuse(ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text))
            }
            return origin(.https, head, bytes, loop)
        case .asterisk:
            return .localReply(options)
        case .origin:
            let text =
                "connd is a forward proxy, not a web server: set http_proxy to its address and ask for the full URL (curl -x)"
            return .refuse(ErrorResponse(status: 400, kind: .httpRequestError, detail: text))
        }
    }

    /// The request goes where the client's last one went.
    static func follows(_ last: KnownRoute, _ head: borrowing RequestHead, _ bytes: RawSpan) -> Bool {
        !mayGoNowhere(head) && last.leads(head, bytes)
    }

    /// What `ownReply` looks at is there. Most requests have neither field.
    @inline(__always)
    static func mayGoNowhere(_ head: borrowing RequestHead) -> Bool {
        head.fields.contains(.via) || head.maxForwards != nil
    }

    /// To a request that goes nowhere, whatever its target: it has come back, or may not go on.
    static func ownReply(_ head: borrowing RequestHead, _ bytes: RawSpan, loop: ProxyLoop) -> LocalReply? {
        let pseudonym = loop.viaPseudonym
        if head.viaContains(pseudonym.span.bytes, in: bytes) {
            let text = "this request has been through this connd already"
            return .error(ErrorResponse(status: 508, kind: .proxyLoopDetected, detail: text))
        }
        return head.maxForwards == 0 ? answerHere(head, bytes) : nil
    }

    private static var options: LocalReply {
        .response(
            head:
                "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH\r\nContent-Length: 0\r\n",
            body: "")
    }

    private static func origin(
        _ scheme: Origin.Scheme, _ head: borrowing RequestHead, _ bytes: RawSpan, _ loop: ProxyLoop
    ) -> Route {
        let host: OriginHost
        do {
            host = try OriginHost(parsing: text(bytes, head.host))
        } catch {
            let text = "the target's host `\(text(bytes, head.host))` \(error)"
            return .refuse(ErrorResponse(status: 400, kind: .httpRequestError, detail: text))
        }
        switch pool(for: Origin(scheme: scheme, host: host, port: head.port), loop) {
        case .failure(let refusal): return .refuse(refusal)
        case .success(let pool):
            return .origin(pool, known: head.form == .absolute ? KnownRoute(head, bytes, pool) : nil)
        }
    }

    /// The pool that serves requests to the origin, where the policy allows them: with `tls: originate` that of the
    /// https origin, which must be allowed as well.
    static func pool(for asked: Origin, _ loop: ProxyLoop) -> Result<UpstreamPool, ErrorResponse> {
        if let refusal = refusal(of: asked, loop) { return .failure(refusal) }
        guard asked.scheme == .http, loop.upstream.originatesTLS(for: asked) else {
            return .success(loop.upstream.pool(for: asked))
        }
        let origin = asked.overTLS
        if let refusal = refusal(of: origin, loop) { return .failure(refusal) }
        return .success(loop.upstream.pool(for: origin))
    }

    private static func refusal(of origin: Origin, _ loop: ProxyLoop) -> ErrorResponse? {
        guard loop.configuration.destinations.verdict(onName: origin) != .allowed else { return nil }
        let text = "proxy.deny or proxy.allow forbids \(origin.host)"
        return ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text)
    }

    /// Max-Forwards is used up: this proxy is the final recipient (RFC 9110 7.6.2).
    private static func answerHere(_ head: borrowing RequestHead, _ bytes: RawSpan) -> LocalReply {
        guard head.method == .trace else { return options }
        // RFC 9110 9.3.8: what identifies the user is not echoed.
        let secrets = ["authorization", "proxy-authorization", "cookie"]
        var echo = text(bytes, head.methodRange.lowerBound..<head.target.upperBound)
        echo += head.version == .http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n"
        for index in 0..<head.fields.count {
            let line = text(bytes, head.fields[index].line)
            let name = line.prefix { $0 != ":" }.lowercased()
            if !secrets.contains(name) { echo += line }
        }
        echo += "\r\n"
        return .response(
            head: "HTTP/1.1 200 OK\r\nContent-Type: message/http\r\nContent-Length: \(echo.utf8.count)\r\n", body: echo)
    }

    static func describe(_ head: borrowing RequestHead, _ bytes: RawSpan) -> (method: String, target: String) {
        (text(bytes, head.methodRange), text(bytes, head.target))
    }

    static func text(_ bytes: RawSpan, _ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
