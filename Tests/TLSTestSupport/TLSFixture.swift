import Dispatch
package import ProxyTypes
package import Reactor
package import ReactorTestSupport
package import TLS
import TestSupport

/// One loop's TLS over a scripted kernel: no sockets and no time but the test's. Loop-bound.
package final class TLSFixture {
    package let kernel = ScriptedKernel()
    package let reactor: Reactor
    package let tls: TLSLoop
    package let certificates: TestCertificates
    /// One, so that jobs are done in their order.
    private let workers = WorkerPool(limit: 1)

    package static let address = Endpoint(address: IPAddress(ipv4: 0xC000_0201), port: 443)

    package init(readSize: Int = 64 * 1024) throws {
        certificates = try TestCertificates.shared.get()
        reactor = Reactor(kernel: kernel, readSize: readSize)
        tls = TLSLoop(reactor: reactor, workers: workers)
    }

    package var profile: TLSProfile { TLSProfile(files: TLSProfile.Files(authorities: certificates.root)) }

    /// Handles what has been signalled, and what that leads to.
    package func turn() {
        for _ in 0..<3 {
            // Another instant is another round to those that pace themselves.
            kernel.advance(by: Interval(nanoseconds: 1000))
            reactor.turn()
        }
    }

    /// Has the workers done with what they were given.
    package func settle() throws {
        let done = DispatchSemaphore(value: 0)
        workers.run { done.signal() }
        guard done.wait(timeout: .now() + .milliseconds(TestTimeout.milliseconds)) == .success else {
            throw TestFailure("the workers do not end")
        }
        turn()
    }

    // MARK: Connections

    /// A connection whose handshake is asked for. `server` nil: the test plays the origin.
    package func start(
        _ server: LibraryServer?, host: String = "origin.test", at endpoint: Endpoint = TLSFixture.address,
        profile: TLSProfile? = nil
    ) throws -> TLSLink {
        try TLSLink(self, server, TLSPeer(host: host, endpoint: endpoint, profile: profile ?? self.profile))
    }

    /// A connection whose handshake has begun: its first bytes have gone out unless it waits for another's session.
    package func begin(
        _ server: LibraryServer?, host: String = "origin.test", at endpoint: Endpoint = TLSFixture.address,
        profile: TLSProfile? = nil
    ) throws -> TLSLink {
        let link = try start(server, host: host, at: endpoint, profile: profile)
        try settle()
        return link
    }

    /// A connection whose handshake is done. Its tickets have come, if the server gives any.
    package func connect(
        _ server: LibraryServer, host: String = "origin.test", at endpoint: Endpoint = TLSFixture.address,
        profile: TLSProfile? = nil
    ) throws -> TLSLink {
        let link = try begin(server, host: host, at: endpoint, profile: profile)
        link.exchange()
        guard link.stream != nil else { throw TestFailure("no handshake: \(link.outcome)") }
        return link
    }
}
