import Metering
package import ProxyTypes
import Reactor

/// Another protocol over the connection: each side's end is passed on as an end, and it closes when both have come.
extension UpstreamConnection {
    func beginTunnel(for exchange: any UpstreamExchange, since: Instant) {
        pool.statistics.tunnels.opened += 1
        pool.openTunnels += 1
        pool.hasUnreportedChanges = true
        self.exchange = exchange
        state = .tunnel(Tunnel(since: since))
    }

    func tunnelInputEnded(_ tunnel: Tunnel) {
        guard !stream.inputEndIsUnproven else { return endTunnel(.originClosedMidResponse, .abrupt) }
        switch tunnel.ended {
        case .none:
            setEnded(.input, of: tunnel)
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.tunnelEndNotPassedOn) { return }
            #endif
            exchange?.tunnelInputClosed()
        case .output:
            exchange?.tunnelInputClosed()
            endTunnel(.drained, .flush)
        case .input: Invariant.broken("a tunnel's input ends twice")
        }
    }

    /// The client has sent all: its end is passed on behind it.
    package func shutTunnelOutput() {
        switch state {
        case .tunnel(let tunnel):
            switch tunnel.ended {
            case .none:
                setEnded(.output, of: tunnel)
                stream.shutdownOutput()
            case .input: endTunnel(.drained, .flush)
            case .output: Invariant.broken("a tunnel's output ends twice")
            }
        // It ended at the same time.
        case .closing, .closed: break
        case .idle, .serving: Invariant.broken("the end of a tunnel that is none")
        }
    }

    private func setEnded(_ half: Tunnel.EndedHalf, of tunnel: Tunnel) {
        var tunnel = tunnel
        tunnel.ended = half
        state = .tunnel(tunnel)
    }

    /// The exchange ends its tunnel, and is not told.
    package func closeTunnel(_ reason: CloseReason) {
        close(reason, .abrupt)
    }

    /// The exchange is told when the tunnel has ended, unless it has ended it itself.
    func endTunnel(_ reason: CloseReason, _ manner: CloseManner) {
        guard isTunnel, let exchange else { return }
        // What is encrypted end to end proves its end itself; of what connd has decrypted the client sees only this.
        let isCut = tls != nil && reason != .drained
        close(reason, manner)
        if case .closed = state { exchange.tunnelClosed(isCut: isCut) }
    }
}
