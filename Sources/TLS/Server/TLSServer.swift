package import LocalCA
package import ProxyTypes
package import Reactor

/// Ends clients' TLS with certificates of the local authorities: `TLSLoop`, or what a test puts in its place. Loop-bound.
package protocol TLSServer: AnyObject {
    /// Who signs.
    var authorities: SigningAuthorities { get set }
    /// The certificate to show for the host, made if there is none. `found` is called once, within this call or later from the
    /// loop.
    func findCertificate(for host: OriginHost, _ found: @escaping (Result<any TLSServerContext, TLSFailure>) -> Void)
    /// Over a connection whose client has sent `hello`, and perhaps more. Ends by its completion, from the loop and never from
    /// within this call, or by `cancel`, and never takes longer than the caller lets it. After a failure the stream is the
    /// caller's to close.
    func startHandshake(
        over stream: any ByteStream, as context: any TLSServerContext, hello: UnsafeRawBufferPointer,
        completion: @escaping (Result<TLSConnection, ClientTLSFailure>) -> Void
    ) -> any TLSServerHandshake
}

/// A client's handshake under way. Loop-bound.
package protocol TLSServerHandshake: AnyObject {
    /// The stream stays open, and is the caller's; the completion is not called.
    func cancel()
}

/// A certificate with its key, as libssl wants it. Made by a worker, and then used by one loop.
package protocol TLSServerContext: AnyObject, Sendable {
    func engine(over stream: any ByteStream) throws(TLSFailure) -> any TLSEngine
}

/// How a client's handshake failed. Value.
package enum ClientTLSFailure: Error {
    /// It does not accept the certificate: it said so with this alert, or just closed the connection (nil).
    case refused(alert: UInt8?, TLSFailure)
    case failed(TLSFailure)

    package var failure: TLSFailure {
        switch self {
        case .refused(_, let failure), .failed(let failure): failure
        }
    }
}
