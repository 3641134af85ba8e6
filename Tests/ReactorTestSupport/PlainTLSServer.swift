package import LocalCA
package import ProxyTypes
package import Reactor
package import TLS

/// Ends no TLS: what clients send behind their ClientHello is passed on as it is, for tests that are not about encryption.
/// Loop-bound.
package final class PlainTLSServer: TLSServer {
    package var authorities: SigningAuthorities
    /// Why there is no certificate.
    package var failure: TLSFailure?
    /// How handshakes end.
    package var outcome: Result<Void, ClientTLSFailure> = .success(())
    /// Handshakes do not end before `finish`.
    package var isPending = false
    package private(set) var hellos: [[UInt8]] = []
    package private(set) var underWay = 0
    private let reactor: Reactor
    private var pending: [Handshake] = []

    package init(_ reactor: Reactor, _ authorities: SigningAuthorities) {
        self.reactor = reactor
        self.authorities = authorities
    }

    package func findCertificate(
        for host: OriginHost, _ found: @escaping (Result<any TLSServerContext, TLSFailure>) -> Void
    ) {
        found(failure.map { .failure($0) } ?? .success(Context()))
    }

    package func startHandshake(
        over stream: any ByteStream, as context: any TLSServerContext, hello: UnsafeRawBufferPointer,
        completion: @escaping (Result<TLSConnection, ClientTLSFailure>) -> Void
    ) -> any TLSServerHandshake {
        hellos.append(Array(hello))
        underWay += 1
        let handshake = Handshake(self, stream, completion)
        stream.handler = handshake
        pending.append(handshake)
        if !isPending { finish() }
        return handshake
    }

    package func finish() {
        for handshake in pending { reactor.timer.wake(handshake.timer, at: reactor.now) }
        pending = []
    }

    private final class Context: TLSServerContext {
        func engine(over stream: any ByteStream) throws(TLSFailure) -> any TLSEngine {
            throw TLSFailure(.configuration, "nothing is encrypted here")
        }
    }

    private final class Handshake: TLSServerHandshake, StreamHandler, DeadlineOwner {
        private let server: PlainTLSServer
        private let stream: any ByteStream
        private var completion: ((Result<TLSConnection, ClientTLSFailure>) -> Void)?
        let timer = Deadline()

        init(
            _ server: PlainTLSServer, _ stream: any ByteStream,
            _ completion: @escaping (Result<TLSConnection, ClientTLSFailure>) -> Void
        ) {
            self.server = server
            self.stream = stream
            self.completion = completion
            timer.owner = self
        }

        deinit {
            timer.owner = nil
        }

        func cancel() { _ = end() }

        private func end() -> ((Result<TLSConnection, ClientTLSFailure>) -> Void)? {
            guard let completion else { return nil }
            self.completion = nil
            server.underWay -= 1
            server.pending.removeAll { $0 === self }
            return completion
        }

        func deadlineReached(now: Instant) -> Instant {
            let info = TLSInfo(
                version: .v1_3, cipher: "none", isResumed: false, isVerified: false, certificateExpires: nil)
            end()?(server.outcome.map { TLSConnection(stream: stream, info: info) })
            return .distantFuture
        }

        func received(_ bytes: UnsafeRawBufferPointer) {}
        func inputEnded() { gone() }
        func closed(_ cause: StreamEnd) { gone() }
        func outputDrained() {}
        func connected() {}

        private func gone() {
            end()?(.failure(.refused(alert: nil, TLSFailure(.closed, "the client closed the connection"))))
        }
    }
}
