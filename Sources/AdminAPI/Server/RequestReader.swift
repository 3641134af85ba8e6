import NIOCore
import NIOHTTP1

/// The requests of one connection as they come: a head, its body, the next head. Used by one task.
struct RequestReader {
    private enum State {
        case betweenRequests
        case inBody
        case ended
    }

    private var parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    private var state = State.betweenRequests

    init(parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator) {
        self.parts = parts
    }

    /// The head of the next request once the body of the last one was read; nil: there is none.
    mutating func nextHead() async throws -> HTTPRequestHead? {
        switch state {
        case .inBody, .ended: return nil
        case .betweenRequests:
            guard case .head(let head)? = try await parts.next() else {
                state = .ended
                return nil
            }
            state = .inBody
            return head
        }
    }

    /// Nil at the body's end.
    mutating func nextBodyPart() async throws -> ByteBuffer? {
        switch state {
        case .betweenRequests, .ended: return nil
        case .inBody:
            switch try await parts.next() {
            case .body(let buffer): return buffer
            case .end:
                state = .betweenRequests
                return nil
            case .head, nil:
                // The decoder puts an end before each head; without one the client is gone.
                state = .ended
                return nil
            }
        }
    }
}
