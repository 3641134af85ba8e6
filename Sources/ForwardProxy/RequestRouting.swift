import HTTPWire
import ProxyTypes
import Upstream

/// Where a request goes.
enum Route {
    /// `authority`: as the client wrote it, to be remembered with the pool; nil where there is no need to.
    case origin(UpstreamPool, authority: [UInt8]?)
    case localReply(LocalReply)

    static func refuse(_ response: ErrorResponse) -> Route { .localReply(.error(response)) }
}

/// Decides from a request's head where it goes: to an origin's pool, or to an answer of connd's own.
enum RequestRouting {
    /// `cachedAuthority` is the target's authority that led to `cached` last time: most clients stay with one origin.
    static func route(
        _ head: borrowing RequestHead, _ bytes: RawSpan, loop: ProxyLoop, cached: UpstreamPool?,
        cachedAuthority: [UInt8]
    ) -> Route {
        let pseudonym = loop.viaPseudonym
        if head.viaContains(pseudonym.span.bytes, in: bytes) {
            let text = "this request has been through this connd already"
            return .refuse(ErrorResponse(status: 508, kind: .proxyLoopDetected, detail: text))
        }
        if head.maxForwards == 0 { return answerHere(head, bytes) }
        switch head.form {
        case .absolute:
            guard head.scheme == .http else { return .refuse(noTLS) }
            if let cached, !cached.isForgotten, RecentRoutes.equal(bytes, head.authority, cachedAuthority) {
                return .origin(cached, authority: nil)
            }
            if let recent = loop.recentRoutes.find(head.authority, bytes) {
                return .origin(recent.pool, authority: recent.authority)
            }
            return origin(.http, head, bytes, loop)
        case .authority:
            guard loop.configuration.destinations.permitsConnect(to: head.port) else {
                let text = "CONNECT to port \(head.port) is not allowed: proxy.connect_ports does not list it"
                return .refuse(ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text))
            }
            return origin(.https, head, bytes, loop)
        case .asterisk:
            return options
        case .origin:
            let text =
                "connd is a forward proxy, not a web server: set http_proxy to its address and ask for the full URL (curl -x)"
            return .refuse(ErrorResponse(status: 400, kind: .httpRequestError, detail: text))
        }
    }

    private static let noTLS = ErrorResponse(
        status: 501, kind: .httpRequestError,
        detail:
            "https:// targets need TLS to origins, which this version does not have: use CONNECT, as clients do for https URLs"
    )

    private static var options: Route {
        .localReply(
            .response(
                head:
                    "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH\r\nContent-Length: 0\r\n",
                body: ""))
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
        let origin = Origin(scheme: scheme, host: host, port: head.port)
        guard loop.configuration.destinations.verdict(onName: origin) == .allowed else {
            let text = "proxy.deny or proxy.allow forbids \(origin.host)"
            return .refuse(ErrorResponse(status: 403, kind: .httpRequestDenied, detail: text))
        }
        return .origin(
            loop.upstream.pool(for: origin), authority: head.form == .absolute ? authority(head, bytes) : nil)
    }

    /// Max-Forwards is used up: this proxy is the final recipient (RFC 9110 7.6.2).
    private static func answerHere(_ head: borrowing RequestHead, _ bytes: RawSpan) -> Route {
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
        return .localReply(
            .response(
                head: "HTTP/1.1 200 OK\r\nContent-Type: message/http\r\nContent-Length: \(echo.utf8.count)\r\n",
                body: echo))
    }

    static func authority(_ head: borrowing RequestHead, _ bytes: RawSpan) -> [UInt8] {
        head.authority.map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }

    static func describe(_ head: borrowing RequestHead, _ bytes: RawSpan) -> (method: String, target: String) {
        (text(bytes, head.methodRange), text(bytes, head.target))
    }

    private static func text(_ bytes: RawSpan, _ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
