package import ProxyTypes
package import Reactor
package import ReactorTestSupport
package import TLS
import TestSupport

/// One connection over a scripted socket, with the origin at its other end: every byte between the two is the test's to
/// carry. Loop-bound.
package final class TLSLink {
    package enum Outcome {
        case pending
        case connected(TLSInfo)
        case failed(TLSFailure)
    }

    private let fixture: TLSFixture
    package let socket: ScriptedPeer
    package let server: ServerConnection?
    package private(set) var handshake: (any TLSHandshake)?
    package private(set) var outcome = Outcome.pending
    package private(set) var stream: (any ByteStream)?
    package let recorder = StreamRecorder()
    /// What the origin has sent and the test has not delivered.
    package var underway: [UInt8] = []

    init(_ fixture: TLSFixture, _ server: LibraryServer?, _ peer: TLSPeer) throws {
        self.fixture = fixture
        self.server = try server?.accept()
        socket = fixture.kernel.makePeer()
        let below = try TCPStream(socket.descriptor, reactor: fixture.reactor)
        handshake = fixture.tls.startHandshake(over: below, with: peer) { [unowned self] in ended($0) }
    }

    private func ended(_ result: Result<TLSConnection, TLSFailure>) {
        handshake = nil
        switch result {
        case .success(let connection):
            outcome = .connected(connection.info)
            stream = connection.stream
            connection.stream.handler = recorder
        case .failure(let failure): outcome = .failed(failure)
        }
    }

    package var failure: TLSFailure? {
        switch outcome {
        case .failed(let failure): failure
        case .pending, .connected: nil
        }
    }

    package var info: TLSInfo? {
        switch outcome {
        case .connected(let info): info
        case .pending, .failed: nil
        }
    }

    // MARK: Carrying bytes

    /// Has the origin take what connd has sent. Returns whether there was any.
    @discardableResult
    package func carryOut() -> Bool {
        let bytes = socket.takeBytes()
        if !bytes.isEmpty { server?.feed(bytes) }
        underway += server?.takeOutput() ?? []
        return !bytes.isEmpty
    }

    /// Delivers so many of the bytes that are underway, in one read.
    package func deliver(_ count: Int = .max) {
        let bytes = Array(underway.prefix(count))
        underway.removeFirst(bytes.count)
        if !bytes.isEmpty { socket.send(bytes) }
        fixture.turn()
    }

    /// Carries bytes both ways until there are none.
    package func exchange() {
        fixture.turn()
        while carryOut() || !underway.isEmpty { deliver() }
    }

    // MARK: Both sides

    /// From the origin, on its way.
    package func send(_ bytes: [UInt8]) {
        server?.write(bytes)
        carryOut()
    }

    package func send(_ text: String) { send(Array(text.utf8)) }

    /// From connd.
    package func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { stream?.write($0) } }
    package func write(_ text: String) { write(Array(text.utf8)) }
    package func write(_ first: [UInt8], _ second: [UInt8]) {
        first.withUnsafeBytes { first in second.withUnsafeBytes { stream?.write(first, $0) } }
    }

    package var text: String { String(decoding: recorder.bytes, as: UTF8.self) }
    /// What the origin has received.
    package var serverText: String { String(decoding: server?.received ?? [], as: UTF8.self) }
}
