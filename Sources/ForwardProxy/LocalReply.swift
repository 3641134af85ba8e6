import HTTPWire
import Metering
import ProxyTypes
import Reactor
import Upstream

/// A response that connd makes itself. Value.
enum LocalReply {
    case error(ErrorResponse)
    /// Status 200: `head` without its Connection field and without the empty line that ends it.
    case response(head: String, body: String)
}

/// Answers of connd's own.
extension Exchange {
    func answer(_ reply: LocalReply, now: Instant) {
        if isTunnel, responseHasBegun, case .error(let response) = reply { return promiseFailed(response, now: now) }
        let persistence = allowsKeepAlive ? Persistence.keepAlive : .close
        var buffer = ByteQueue()
        switch reply {
        case .error(let response):
            loop.upstream.metrics.errors[response.kind] += 1
            client.use.countError(of: pool)
            record.status = response.status
            record.error = response.kind
            record.errorDetail = response.detail
            response.write(
                into: &buffer, origin: pool?.origin, isHead: method == .head, persists: persistence == .keepAlive,
                version: traits.version, now: loop.wallClock / 1000)
        case .response(let head, let body):
            record.status = 200
            buffer.append(head)
            if persistence == .close {
                buffer.append("Connection: close\r\n")
            } else if traits.version == .http10 {
                buffer.append("Connection: keep-alive\r\n")
            }
            buffer.append("\r\n")
            buffer.append(body)
        }
        // What may have been gathered of another answer is dropped.
        response = .sent(persistence)
        move(to: .ended(.answered))
        deliver(buffer.bytes)
        recordEnd(.proxyError, now: now)
        client.exchangeEnded(self, now: now)
    }
}
