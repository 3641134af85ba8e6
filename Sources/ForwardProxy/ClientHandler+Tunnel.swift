import Metering
import ProxyTypes
import Reactor
import Upstream

/// The connection carries another protocol from here on: each side's end is passed on as an end.
extension ClientHandler {
    func tunnelOpened(_ exchange: Exchange, now: Instant) {
        var line = ByteQueue()
        line.append("HTTP/1.1 200 Connection established\r\n\r\n")
        write(line.bytes)
        exchange.record.status = 200
        upgraded(exchange, now: now)
    }

    func upgraded(_ exchange: Exchange, now: Instant) {
        loop.upstream.metrics.tunnels += 1
        // The client's side of it begins behind the content, which nothing holds back any longer.
        if phase == .body { continueReceived(exchange) } else { becomeTunnel(exchange, now: now) }
    }

    func becomeTunnel(_ exchange: Exchange, now: Instant) {
        phase = .tunnel
        setPause(.unreadFull, false)
        tunnelActive()
        if !isParsing { processUnread(now: now) }
        setPause(.upstreamFull, !exchange.upstreamIsWritable)
        if inputClosed { exchange.tunnelClientInputEnded() }
    }

    func tunnelActive() {
        guard phase == .tunnel else { return }
        let timeout = exchanges.first?.tunnelIdleTimeout ?? .zero
        setDeadline(timeout > .zero ? loop.now + timeout : .distantFuture)
    }

    func tunnelInputClosed(_ exchange: Exchange) {
        stream?.shutdownOutput()
    }

    func tunnelClosed(_ exchange: Exchange) {
        guard phase == .tunnel || phase == .body else { return }
        receiving = nil
        closeReason = .tunnelEnded
        endAfterOutput()
    }
}
