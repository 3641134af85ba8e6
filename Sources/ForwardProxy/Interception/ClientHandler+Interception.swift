import LocalCA
import Metering
import ProxyTypes
import Reactor
import TLS
import Tuning
import Upstream

/// A CONNECT to a host with `intercept: on`.
extension ClientHandler {
    /// Answers the CONNECT and waits for the ClientHello. False: it may not be intercepted, and was not answered.
    func beginInterception(of exchange: Exchange, to pool: UpstreamPool, now: Instant) -> Bool {
        guard pool.settings.intercept, !isReceiving(exchange) else { return false }
        guard let server = loop.tlsServer, let host = try? OriginHost(parsing: pool.origin.host),
            server.authorities.permit(host)
        else {
            exchange.record.intercept = .spliced(.notPermitted)
            pool.count(spliced: .notPermitted)
            return false
        }
        let interception = Interception(host, of: exchange, to: pool, by: server)
        exchange.move(to: .opening(interception))
        exchange.record.status = 200
        exchange.response = .sent(.close)
        state = .opening(interception)
        setDeadline(now + interception.timeToSpeak)
        writeEstablished()
        // Some send their hello without waiting for the answer.
        if !isProcessing { peek(now: now) }
        return true
    }

    /// Shows the interception what has come.
    func peek(now: Instant) {
        guard case .opening(let interception) = state else { return }
        if !unread.isEmpty { interception.received(unread.bytes, now: now) }
        guard case .opening = state else { return }
        if stream.inputHasEnded { return close(.clientClosed, .afterOutput, now: now) }
        setPause(.unreadFull, unread.count >= Self.mostBeforeHandshake)
    }

    /// More than the longest ClientHello that is read.
    private static let mostBeforeHandshake = 32 * 1024

    /// Served as any other CONNECT, but for the answer, which its client has.
    func splice(_ exchange: Exchange, now: Instant) {
        state = .serving
        setOutputDeadline()
        exchange.openPromisedTunnel(now: now)
        boundUnread()
    }

    /// The stream belongs to the handshake until that ends.
    func startServerHandshake(
        by server: any TLSServer, as context: any TLSServerContext, within timeout: Interval,
        completion: @escaping (Result<TLSConnection, ClientTLSFailure>) -> Void
    ) -> any TLSServerHandshake {
        setPause(.unreadFull, false)
        setDeadline(loop.now + timeout)
        let handshake = server.startHandshake(over: stream, as: context, hello: unread.bytes, completion: completion)
        unread.clear(keeping: 0)
        return handshake
    }

    /// From here on the client speaks HTTP inside its TLS.
    func enter(_ connection: TLSConnection, _ interior: Interior, now: Instant) {
        guard case .opening(let interception) = state else {
            Invariant.broken("a client's TLS was ended that nobody waits for")
            return connection.stream.close()
        }
        let exchange = interception.exchange
        stream = connection.stream
        stream.handler = self
        stream.tellsResetWhilePaused = true
        self.interior = interior
        state = .serving
        exchange.endWithoutTunnel(.intercepted, now: now)
        exchanges.removeAll { $0 === exchange }
        log(exchange)
        loop.give(exchange)
        idleIfDone(now: now)
    }

    /// Its end is decided, and the stream may belong to a handshake.
    func takeBackStream(now: Instant) {
        guard case .opening(let interception) = state else { return }
        interception.cancel(now: now)
        stream.handler = self
    }
}
