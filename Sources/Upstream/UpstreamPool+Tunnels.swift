import Metering
import Pooling
package import ProxyTypes
import Reactor
import Tuning

/// Connections for CONNECT: one each, outside the pool, within max_tunnels and max_upstream_connections.
extension UpstreamPool {
    /// Opens a connection of its own for a CONNECT: outside the pool, within max_tunnels and max_upstream_connections.
    package func openTunnel(for exchange: any UpstreamExchange, now: Instant) -> TunnelTicket? {
        isTouched = true
        guard tunnels.count + tunnelDials.count < settings.maxTunnels else {
            figures.tunnels.failed += 1
            exchange.leaseRefused(
                ProxyError(
                    .connectionLimitReached, detail: "max_tunnels (\(settings.maxTunnels)) are open"),
                now: now)
            return nil
        }
        guard loop.total.tryTake() || makesRoomForTunnel(now: now) else {
            figures.tunnels.failed += 1
            exchange.leaseRefused(error(for: .connectionLimit), now: now)
            return nil
        }
        let dial = Dial(origin: origin, settings: settings, loop: loop)
        let ticket = TunnelTicket(dial: ObjectIdentifier(dial))
        tunnelDials[ticket.dial] = dial
        dial.start { [unowned self] result in tunnelDialled(ticket, exchange, result) }
        return ticket
    }

    /// A tunnel does not wait: an idle connection goes at once, its own pool's or another's.
    private func makesRoomForTunnel(now: Instant) -> Bool {
        let shed =
            loop.shedElsewhere(for: self, abruptly: true, now: now)
            || shedIdle(1, .poolShrink, abruptly: true, now: now)
        return shed && loop.total.tryTake()
    }

    package func cancelTunnel(_ ticket: TunnelTicket, now: Instant) {
        guard let dial = tunnelDials.removeValue(forKey: ticket.dial) else { return }
        dial.cancel()
        isTouched = true
        figures.tunnels.failed += 1
        loop.total.giveBack()
        loop.budgetFreed(by: self, now: now)
    }

    private func tunnelDialled(
        _ ticket: TunnelTicket, _ exchange: any UpstreamExchange, _ result: Result<DialledStream, ProxyError>
    ) {
        let now = loop.now
        guard let dial = tunnelDials.removeValue(forKey: ticket.dial) else {
            if case .success(let dialled) = result { dialled.stream.close() }
            return
        }
        note(dial.refusals)
        isTouched = true
        switch result {
        case .success(let dialled):
            let connection = open(dialled, id: nil, cause: .demand, now: now)
            tunnels[ObjectIdentifier(connection)] = connection
            connection.startTunnel(for: exchange)
            exchange.leaseGranted(connection, reused: false, now: now)
        case .failure(let error):
            loop.metrics.dialFailures[error.kind] += 1
            figures.dialFailures[error.kind] += 1
            figures.tunnels.failed += 1
            loop.total.giveBack()
            exchange.leaseRefused(error, now: now)
            loop.budgetFreed(by: self, now: now)
        }
    }
}

/// A CONNECT's dial under way, so that it can be given up.
package struct TunnelTicket: Sendable {
    let dial: ObjectIdentifier
}
