import Reactor

/// How many bytes are held, each time the most that one client or request has: tests look whether it is bounded. Value.
package struct BufferedBytes: Sendable {
    /// Read from a client and not worked on yet.
    package var unread = 0
    /// Of a request's body, until there is a connection for it, and for a retry.
    package var requestBody = 0
    /// Of a response whose turn has not come.
    package var response = 0
    /// Written to a client that has not taken it.
    package var output = 0
}

extension ProxyLoop {
    package var mostBuffered: BufferedBytes {
        var most = BufferedBytes()
        forEachClient { client in
            most.unread = max(most.unread, client.unread.count)
            most.output = max(most.output, client.stream.unsentBytes)
            for exchange in client.exchanges {
                most.requestBody = max(most.requestBody, exchange.body.count)
                most.response = max(most.response, exchange.held.count)
            }
        }
        return most
    }
}
