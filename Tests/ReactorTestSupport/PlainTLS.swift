package import ProxyTypes
package import Reactor
package import TLS

/// Leaves streams as they are, for tests that are not about encryption: an origin of https talks plainly. Loop-bound.
package final class PlainTLS: TLSClient {
    package var onFilesChanged: ((TLSProfile.Files) -> Void)?
    package var onFilesUnusable: ((TLSFailure) -> Void)?
    /// Origins ask for a client certificate.
    package var wantsCertificate = false
    private let reactor: Reactor

    package init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    package func prepare(_ profile: TLSProfile) {}

    package func startHandshake(
        over stream: any ByteStream, with peer: TLSPeer, completion: @escaping TLSCompletion
    ) -> any TLSHandshake {
        let handshake = Handshake(stream, peer, wantsCertificate: wantsCertificate, completion)
        reactor.timer.wake(handshake.timer, at: reactor.now)
        return handshake
    }

    private final class Handshake: TLSHandshake, DeadlineOwner {
        private enum State {
            case underWay(TLSCompletion)
            case ended
        }

        private let stream: any ByteStream
        private let peer: TLSPeer
        private let wantsCertificate: Bool
        private var state: State
        let timer = Deadline()

        init(
            _ stream: any ByteStream, _ peer: TLSPeer, wantsCertificate: Bool, _ completion: @escaping TLSCompletion
        ) {
            self.wantsCertificate = wantsCertificate
            self.stream = stream
            self.peer = peer
            state = .underWay(completion)
            timer.owner = self
        }

        deinit {
            timer.owner = nil
        }

        func cancel() {
            state = .ended
            stream.close()
        }

        func deadlineReached(now: Instant) -> Instant {
            guard case .underWay(let completion) = state else { return .distantFuture }
            state = .ended
            let info = TLSInfo(
                version: .v1_3, cipher: "none", isResumed: false, isVerified: peer.profile.verification == .full,
                certificateExpires: nil)
            completion(.success(TLSConnection(stream: stream, info: info, wantsCertificate: wantsCertificate)))
            return .distantFuture
        }
    }
}
