import Metering
import ProxyTypes
import Reactor
import Upstream

/// The connection carries another protocol from here on: each side's end is passed on as an end.
extension ClientHandler {
    /// `isTold`: the client has had its 200 since its CONNECT came.
    func tunnelOpened(_ exchange: Exchange, isTold: Bool, now: Instant) {
        if !isTold { writeEstablished() }
        exchange.record.status = 200
        upgraded(exchange, now: now)
    }

    func writeEstablished() {
        var line = ByteQueue()
        line.append("HTTP/1.1 200 Connection established\r\n\r\n")
        write(line.bytes)
    }

    func upgraded(_ exchange: Exchange, now: Instant) {
        loop.upstream.metrics.tunnels += 1
        // The client's side of it begins behind the content, which is not held back any longer.
        if isReceiving(exchange) { endExpectation(of: exchange) } else { becomeTunnel(exchange, now: now) }
    }

    func becomeTunnel(_ exchange: Exchange, now: Instant) {
        state = .tunnel(exchange)
        setPause(.unreadFull, false)
        tunnelActive()
        if !isProcessing { processUnread(now: now) }
        setPause(.upstreamFull, !exchange.upstreamIsWritable)
        if stream.inputHasEnded { exchange.tunnelClientInputEnded() }
    }

    func tunnelActive() {
        guard case .tunnel(let exchange) = state else { return }
        let timeout = exchange.tunnelIdleTimeout
        setDeadline(timeout > .zero ? loop.now + timeout : .distantFuture)
    }

    func tunnelInputClosed(_ exchange: Exchange) {
        stream.shutdownOutput()
    }

    /// `isCut`: a FIN would make what the client has look whole.
    func tunnelClosed(_ exchange: Exchange, isCut: Bool, now: Instant) {
        close(.tunnelEnded, isCut ? .reset : .afterOutput, now: now)
    }
}
