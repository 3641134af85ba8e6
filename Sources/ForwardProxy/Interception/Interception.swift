import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import TLS
import Tuning
import Upstream

/// Decides what becomes of a CONNECT to a host with `intercept: on`, after its client was told that the tunnel is open.
/// Either connd ends the client's TLS, once the origin has been verified; or the connection is spliced: it becomes an
/// ordinary tunnel, which first carries what the client has already sent. Loop-bound.
///
/// ```
///   peeking ─▶ identifying ─▶ proving ─▶ certifying ─▶ handshaking ─▶ ended: served, or the client refused
///      └────────────┴────────────┴───────────┴─▶ ended: spliced            or from any state: its client has gone
/// ```
final class Interception {
    private enum State {
        /// The client's first message is awaited.
        case peeking
        /// Who the client is.
        case identifying(ClientHello)
        /// Whether the origin is good. Nil: the call that asks has not returned.
        case proving(Offer, WaiterID?)
        /// The certificate to show.
        case certifying(Offer)
        case handshaking(Offer, any TLSServerHandshake)
        case ended
    }

    /// A ClientHello that is going to be answered.
    struct Offer {
        let key: ClientRefusals.Key
        /// When it had come.
        let since: Instant
        /// It offers http/1.1; without ALPN it may speak anything.
        let hasChosenHTTP: Bool
    }

    let host: OriginHost
    /// Safe: the client's connection does not end before the interception.
    private unowned(unsafe) let client: ClientHandler
    let exchange: Exchange
    private let loop: ProxyLoop
    private let server: any TLSServer
    private(set) var pool: UpstreamPool
    private var state = State.peeking
    /// Where the record begins that is not whole yet, in what the client has sent.
    private var record = 0
    private var looks = 0

    init(_ host: OriginHost, of exchange: Exchange, to pool: UpstreamPool, by server: any TLSServer) {
        self.host = host
        self.exchange = exchange
        self.pool = pool
        self.server = server
        client = exchange.client
        loop = exchange.loop
    }

    /// How long the client may take for the handshake.
    var timeout: Interval { pool.settings.tlsTimeout }
    /// How long it may take for its first message: clients are near. Some wait for the server to speak first.
    var timeToSpeak: Interval { min(timeout, Self.longestSilence) }

    private static let longestSilence = Interval.seconds(3)
    private static let mostLooks = 200

    // MARK: The client's side

    /// `bytes`: all that the client has sent behind its CONNECT.
    func received(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        guard case .peeking = state, isWorthALook(bytes) else { return }
        looks += 1
        guard looks <= Self.mostLooks else { return splice(.malformedHello, now: now) }
        let outcome = ClientHelloParser.parse(bytes)
        if let reason = InterceptPolicy.objection(to: outcome, for: host) { return splice(reason, now: now) }
        guard case .hello(let hello) = outcome else { return }
        state = .identifying(hello)
        client.setDeadline(now + timeout)
        let found = { [weak self] in self?.identified($0) ?? () }
        guard let identifier = loop.clientIdentifier else {
            return found(client.peer.map { .address($0) } ?? .unknown)
        }
        identifier.identify(client.stream, peer: client.peer, found: found)
    }

    /// It is read anew each time, so not before another record is whole, but once where the message's length is there.
    private func isWorthALook(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 2, bytes[0] == 22 else { return true }
        let before = record
        while bytes.count >= record + 5 {
            let end = record + 5 + (Int(bytes[record + 3]) << 8 | Int(bytes[record + 4]))
            guard bytes.count >= end else { break }
            record = end
        }
        return record > before || looks == 0 && bytes.count >= 9 || bytes.count >= ClientHelloParser.maxBytes
    }

    func timedOut(now: Instant) {
        switch state {
        case .peeking: splice(.silent, now: now)
        case .identifying, .certifying: splice(.tooSlow, now: now)
        case .handshaking:
            pool.countFailure()
            exchange.endWithoutTunnel(.failed, now: now)
            client.close(.tlsFailed, .atOnce, now: now)
        // The pool and its dial have limits of their own.
        case .proving, .ended: break
        }
    }

    /// The client has gone, or is sent away.
    func cancel(now: Instant) {
        let before = state
        state = .ended
        switch before {
        case .proving(_, let waiter?): pool.cancel(waiter, now: now)
        case .handshaking(_, let handshake): handshake.cancel()
        case .peeking, .identifying, .proving(_, nil), .certifying, .ended: break
        }
    }

    // MARK: What is asked

    private func identified(_ client: ClientIdentity) {
        guard case .identifying(let hello) = state else { return }
        let now = loop.now
        if pool.settings.interceptExcept.contains(client, address: self.client.peer) {
            return splice(.excepted, now: now)
        }
        let offer = Offer(
            key: .init(client: client, hello: hello.fingerprint, host: host), since: now,
            hasChosenHTTP: hello.protocols != nil)
        if loop.refusals.isRefusing(offer.key, now: now) { return splice(.clientRefuses, now: now) }
        if pool.isForgotten { pool = loop.upstream.pool(for: pool.origin) }
        if pool.settings.tlsVerify == .none { return splice(.unverifiedOrigin, now: now) }
        if pool.wantsClientCertificate { return splice(.wantsClientCertificate, now: now) }
        guard !pool.isProven(now: now) else { return certify(offer) }
        state = .proving(offer, nil)
        self.client.setDeadline(.distantFuture)
        guard let waiter = pool.prove(for: self, client: self.client.id, now: now) else { return }
        // Whatever happened within the call may have ended the client.
        guard case .proving = state else { return pool.cancel(waiter, now: now) }
        state = .proving(offer, waiter)
    }

    private func certify(_ offer: Offer) {
        state = .certifying(offer)
        client.setDeadline(loop.now + timeout)
        server.findCertificate(for: host) { [weak self] in self?.certified($0) }
    }

    private func certified(_ result: Result<any TLSServerContext, TLSFailure>) {
        guard case .certifying(let offer) = state else { return }
        switch result {
        case .failure(let failure):
            exchange.record.errorDetail = failure.detail
            splice(.noCertificate, now: loop.now)
        case .success(let context):
            let handshake = client.startServerHandshake(by: server, as: context, within: timeout) { [weak self] in
                self?.ended($0)
            }
            state = .handshaking(offer, handshake)
        }
    }

    // MARK: Ends

    private func ended(_ result: Result<TLSConnection, ClientTLSFailure>) {
        guard case .handshaking(let offer, _) = state else { return }
        state = .ended
        let now = loop.now
        switch result {
        case .success(let connection):
            pool.count(connection.info, after: now - offer.since)
            let interior = Interior(offer.key, pool: pool, since: now, hasChosenHTTP: offer.hasChosenHTTP)
            client.enter(connection, interior, now: now)
        case .failure(let failure):
            exchange.record.errorDetail = failure.failure.detail
            switch failure {
            case .refused(let alert, _):
                pool.countRefusal()
                loop.noteRefusal(offer.key, alert.map { .alert($0) } ?? .closed)
                exchange.endWithoutTunnel(.refused, now: now)
                client.close(.certificateRefused, .atOnce, now: now)
            case .failed:
                pool.countFailure()
                loop.noteRefusal(offer.key, .failed)
                exchange.endWithoutTunnel(.failed, now: now)
                client.close(.tlsFailed, .atOnce, now: now)
            }
        }
    }

    private func splice(_ reason: SpliceReason, now: Instant) {
        state = .ended
        exchange.record.intercept = .spliced(reason)
        pool.count(spliced: reason)
        client.splice(exchange, now: now)
    }
}

extension Interception: ProofWaiter {
    func originProven(now: Instant) {
        guard case .proving(let offer, _) = state else { return }
        if pool.wantsClientCertificate { return splice(.wantsClientCertificate, now: now) }
        certify(offer)
    }

    /// The client meets the origin itself, and sees what is wrong with it as if there were no proxy.
    func originFailed(_ error: ProxyError, now: Instant) {
        guard case .proving = state else { return }
        exchange.record.errorDetail = error.detail
        splice(.originFailed, now: now)
    }
}

extension UpstreamPool {
    func count(spliced reason: SpliceReason) { noteInterception { $0.spliced[reason] += 1 } }

    fileprivate func count(_ info: TLSInfo, after time: Interval) {
        noteInterception {
            if info.isResumed { $0.resumed += 1 } else { $0.full += 1 }
            $0.handshakeTime.record(microseconds: time.microseconds)
        }
    }

    fileprivate func countRefusal() { noteInterception { $0.refused += 1 } }
    fileprivate func countFailure() { noteInterception { $0.failed += 1 } }
}
