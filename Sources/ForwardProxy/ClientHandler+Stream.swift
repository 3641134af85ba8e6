import Metering
import ProxyTypes
import Reactor
import Upstream

/// What the stream brings.
extension ClientHandler: StreamHandler {
    func connected() {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .head, .idle, .leaving, .serving, .body, .opening, .finishing: take(bytes, now: loop.now)
        case .tunnel(let exchange):
            tunnelActive()
            exchange.tunnelFromClient(bytes)
            setPause(.upstreamFull, !exchange.upstreamIsWritable)
        case .flushing, .lingering: discard(bytes.count, now: loop.now)
        // Nothing comes after the client's FIN, nor from a closed stream.
        case .closingAfterOutput, .closed: break
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, now: Instant) {
        if unread.isEmpty {
            let used = process(bytes, now: now)
            if used < bytes.count, !isClosing {
                unread.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
                boundUnread()
                peek(now: now)
            }
        } else {
            unread.append(bytes)
            processUnread(now: now)
        }
        idleIfDone(now: now)
    }

    func inputEnded() {
        let now = loop.now
        noteEndInside(now: now)
        switch state {
        // Requests that were read before its FIN are still answered, and answers that it has yet to take are delivered.
        case .head, .idle, .leaving: if unread.isEmpty || isWritable { close(.clientClosed, .afterOutput, now: now) }
        case .serving, .finishing: idleIfDone(now: now)
        // The request will never be whole: what was sent of it must not look so either.
        case .body: close(.requestCut, .atOnce, now: now)
        // What was encrypted may have been cut.
        case .tunnel where stream.inputEndIsUnproven: close(.clientClosed, .atOnce, now: now)
        case .tunnel(let exchange): exchange.tunnelClientInputEnded()
        case .opening: peek(now: now)
        case .flushing, .lingering: closeAfterOutput(now: now)
        case .closingAfterOutput, .closed: break
        }
    }

    func closed(_ cause: StreamEnd) {
        noteEndInside(now: loop.now)
        countClose(cause == .outputDone ? .clientClosed : .clientReset)
        ended()
    }

    func outputDrained() {
        let now = loop.now
        switch state {
        case .flushing(let linger): return beginLingering(linger, now: now)
        case .serving, .finishing: setDeadline(.distantFuture)
        case .idle: loop.slots.markIdle(slot, now: now)
        case .head, .leaving, .body, .opening, .tunnel, .lingering, .closingAfterOutput, .closed: break
        }
        exchanges.first?.clientDrained(now: now)
        processUnread(now: now)
        idleIfDone(now: now)
    }
}
