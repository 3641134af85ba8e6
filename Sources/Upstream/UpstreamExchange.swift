package import HTTPWire
package import ProxyTypes

/// How an exchange that held a connection lost it.
package enum UpstreamFailure: Sendable {
    /// The connection ended before any byte of a response: the keep-alive race, or an origin that hangs up.
    case beforeResponse(ProxyError, UpstreamLoss)
    /// Some of the response was received, or its head was malformed; nothing of it was passed on unless the head was.
    case response(ProxyError)
    /// TLS broke, or the origin refused it with an alert: nothing that a new connection would mend.
    case tls(ProxyError)
    /// No answer, or no more of it, in time.
    case timeout(ProxyError)

    package var error: ProxyError {
        switch self {
        case .beforeResponse(let error, _), .response(let error), .tls(let error), .timeout(let error): error
        }
    }
}

/// What ended a connection before any byte of a response. Value.
package enum UpstreamLoss: Equatable, Sendable {
    /// FIN, or another request's failure.
    case closed
    case reset
    /// Nothing that was sent was acknowledged.
    case silence
}

/// What a pool and its connections tell whoever sends a request through them. Every call is on the loop.
///
/// Each request for a lease ends in exactly one of leaseRefused, responseEnded, failed or tunnelClosed, unless the exchange
/// gives it up itself (`UpstreamPool.cancel`, `UpstreamConnection.abandon`, `closeTunnel`): then it is told nothing more.
package protocol UpstreamExchange: AnyObject {
    var method: HTTPWire.Method { get }
    /// It is sent again if its connection is lost before any byte of the response.
    var isRetryable: Bool { get }
    /// Whether 101 may be passed on.
    var asksUpgrade: Bool { get }
    /// The client cannot take chunks: only the content of a chunked body is passed on.
    var wantsContentOnly: Bool { get }

    func leaseGranted(_ connection: UpstreamConnection, reused: Bool, now: Instant)
    func leaseRefused(_ error: ProxyError, now: Instant)
    /// Its request was sent behind others, and their responses have ended. As at the beginning of a lease, reading is on and
    /// without a limit; what it sets of that applies from now on.
    func responseIsNext(now: Instant)

    /// `bytes` starts with the head, and is overwritten when the call returns, here and below.
    func informationalHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer)
    func responseHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant)
    /// A part of the body as it is to be sent on.
    func responseBody(_ bytes: UnsafeRawBufferPointer)
    /// The end of what one read brought: the time to write what was gathered.
    func responseReadComplete()
    /// The response is whole and the connection is no longer the exchange's.
    func responseEnded(on connection: UpstreamConnection, now: Instant)
    func failed(_ failure: UpstreamFailure, now: Instant)

    /// The connection is a tunnel from here on; `bytes` starts with the head of the 101.
    func upgraded(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant)
    func tunnelBytes(_ bytes: UnsafeRawBufferPointer)
    func tunnelInputClosed()
    /// `isCut`: the origin may have had more to say, and no other protocol's end need tell.
    func tunnelClosed(isCut: Bool)

    /// What had to wait to be sent has been taken.
    func upstreamDrained()
}
