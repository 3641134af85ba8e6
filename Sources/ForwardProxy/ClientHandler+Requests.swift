import HTTPWire
import Metering
import ProxyTypes
import Reactor
import Upstream

/// From bytes to exchanges: heads, who answers, and which request may start beside others.
extension ClientHandler {
    /// Works through what was read until more is needed or the next request has to wait. Returns how much was used.
    func process(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        isProcessing = true
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let count: Int
            switch state {
            case .head, .idle, .leaving, .serving: count = mayTakeRequest ? receiveHead(rest, now: now) : 0
            case .body(let exchange, _): count = receiveBody(of: exchange, rest, now: now)
            case .opening, .finishing: count = 0
            case .tunnel(let exchange):
                exchange.tunnelFromClient(rest)
                count = rest.count
            case .flushing, .lingering, .closingAfterOutput, .closed: count = rest.count
            }
            used += count
            if count == 0 { break }
        }
        isProcessing = false
        return used
    }

    func processUnread(now: Instant) {
        guard !isProcessing, !unread.isEmpty else { return }
        let used = process(unread.bytes, now: now)
        unread.consume(used)
        boundUnread()
        peek(now: now)
    }

    func boundUnread() {
        if unread.isEmpty { unread.clear(keeping: 0) }
        switch state {
        case .head, .idle, .leaving, .serving, .finishing:
            setPause(.unreadFull, unread.count >= loop.configuration.headLimits.maxHeadBytes)
        // Of a body only an incomplete end is kept, which its reader bounds.
        case .body, .tunnel: setPause(.unreadFull, false)
        case .opening, .flushing, .lingering, .closingAfterOutput, .closed: break
        }
    }

    /// Not while the client leaves its answers unread, nor while an earlier request waits to start or may make something else
    /// of the connection.
    private var mayTakeRequest: Bool {
        guard isWritable, exchanges.count < ProxyConfiguration.maxPipelined else { return false }
        guard let last = exchanges.last else { return true }
        return !last.isPrepared && !last.takesOverConnection
    }

    /// Where no request is under way any more: waits for the next one, or ends the connection if none will come.
    func idleIfDone(now: Instant) {
        guard exchanges.isEmpty, !isProcessing else { return }
        switch state {
        case .finishing: closeAfterResponse(now: now)
        case .serving, .head, .idle:
            if !unread.isEmpty {
                // The next head has begun, or waits until the client has taken its answers.
                if stream.inputHasEnded, isWritable { closeAfterResponse(now: now) }
            } else if stream.inputHasEnded {
                closeAfterResponse(now: now)
            } else if isDraining {
                leave(now: now)
            } else {
                becomeIdle(now: now)
            }
        case .leaving, .body, .opening, .tunnel, .flushing, .lingering, .closingAfterOutput, .closed: break
        }
    }

    private func becomeIdle(now: Instant) {
        guard case .serving = state else { return }
        state = .idle
        loop.slots.markIdle(slot, now: now)
        setDeadline(now + loop.configuration.clientIdleTimeout)
    }

    private func leave(now: Instant) {
        state = .leaving
        setDeadline(now + Self.leaveTime)
    }

    // MARK: Heads

    /// 0 when the head is not complete.
    private func receiveHead(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Int {
        do {
            let limits = loop.configuration.headLimits
            guard try parser.parse(bytes.bytes, limits: limits, into: &loop.requestHead) else {
                headBegan(now: now)
                return 0
            }
        } catch {
            noteNoRequest()
            refuse(ErrorResponse(error), .badRequest, now: now)
            return bytes.count
        }
        loop.slots.markBusy(slot)
        let exchange = loop.takeExchange(for: self)
        let length = loop.requestHead.length
        route(exchange, bytes.bytes, now: now)
        if !use.countRequest(to: exchange.pool.map { ObjectIdentifier($0) }) { use.change(to: exchange.pool) }
        exchanges.append(exchange)
        beginBody(of: exchange, bytes.bytes, now: now)
        var used = length
        // Bytes of the body that came with the head go out with it.
        if used < bytes.count, isReceiving(exchange) {
            used += receiveBody(of: exchange, UnsafeRawBufferPointer(rebasing: bytes[used...]), now: now)
        }
        startNext(now: now)
        return used
    }

    /// A head that has begun must be complete in time, however slowly its bytes trickle in.
    private func headBegan(now: Instant) {
        loop.slots.markBusy(slot)
        switch state {
        case .idle, .leaving: awaitHead(now: now)
        // Behind requests under way it has time until they are answered.
        case .serving: if exchanges.isEmpty { awaitHead(now: now) }
        // Its time runs already.
        case .head: break
        case .body, .opening, .finishing, .tunnel, .flushing, .lingering, .closingAfterOutput, .closed:
            Invariant.broken("a request's head is read where none is due")
        }
    }

    private func awaitHead(now: Instant) {
        state = .head
        setDeadline(now + loop.configuration.clientHeadTimeout)
    }

    /// Decides who answers: the origin, or connd itself.
    private func route(_ exchange: Exchange, _ bytes: RawSpan, now: Instant) {
        if let gateway {
            route(exchange, through: gateway, bytes, now: now)
        } else if let interior {
            route(exchange, inside: interior, bytes, now: now)
        } else {
            routeAsProxy(exchange, bytes, now: now)
        }
        if loop.accessLog != nil {
            exchange.describe(RequestRouting.describe(loop.requestHead, bytes))
            exchange.record.gateway = gateway?.route?.name
        }
    }

    private func routeAsProxy(_ exchange: Exchange, _ bytes: RawSpan, now: Instant) {
        // Most clients stay with one origin. One call, as each would copy the head.
        if let lastRoute, RequestRouting.follows(lastRoute, loop.requestHead, bytes) {
            return exchange.prepare(loop.requestHead, bytes, pool: lastRoute.pool, gateway: nil, now: now)
        }
        switch RequestRouting.route(loop.requestHead, bytes, loop: loop) {
        case .origin(let pool, let known):
            if let known {
                lastRoute = known
                if loop.recentRoutes.find(loop.requestHead, bytes) == nil { loop.recentRoutes.note(known) }
            }
            exchange.prepare(loop.requestHead, bytes, pool: pool, gateway: nil, now: now)
        case .localReply(let reply): exchange.prepare(loop.requestHead, reply, now: now)
        }
    }

    /// The last request starts once it is alone, or beside others that are safe and have a connection or a dial. It takes no
    /// connection while an earlier one waits for others to give theirs up: its response would hold it until that one is done.
    func startNext(now: Instant) {
        guard let last = exchanges.last, last.isPrepared else { return }
        if exchanges.count == 1 || exchanges.allSatisfy({ $0.isSafeBesideOthers && !$0.waitsForOthers }) {
            last.start(now: now)
        }
    }

    /// What came is no request, or none is wanted: the answer goes out after those before it, and then the connection ends.
    func refuse(_ response: ErrorResponse, _ reason: ClientCloseReason, now: Instant) {
        state = .finishing(reason)
        setOutputDeadline()
        let exchange = loop.takeExchange(for: self)
        exchange.prepareRefusal(response, now: now)
        exchanges.append(exchange)
        exchange.start(now: now)
    }
}
