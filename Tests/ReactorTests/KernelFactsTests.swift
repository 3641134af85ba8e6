import CLinux
import Glibc
import ProxyTypes
import Reactor
import Testing

/// What the real kernel tells of connections over loopback.
@Suite("What the kernel knows of a connection")
struct KernelFactsTests {
    /// Both ends of a connection; the first is connd's.
    private final class Ends: StreamHandler {
        let reactor: Reactor
        private(set) var stream: (any ByteStream)!
        private(set) var peer: CInt = -1
        private(set) var count = 0
        private(set) var end: StreamEnd?

        init(_ options: SocketOptions = SocketOptions()) throws {
            reactor = try Reactor()
            let listener = clinux_listen_tcp([127, 0, 0, 1], 4, 0, 1)
            try #require(listener >= 0)
            defer { Glibc.close(listener) }
            var (address, port) = ([UInt8](repeating: 0, count: 16), UInt16(0))
            _ = clinux_local_address(listener, &address, &port)
            let place = Endpoint(address: try #require(IPAddress("127.0.0.1")), port: port)
            var refusals: [SocketOptions.Refusal] = []
            stream = try reactor.connect(
                to: place, from: nil, options: options, refusals: &refusals, handler: self)
            reactor.run()
            peer = accept(listener, nil, nil)
            try #require(peer >= 0 && refusals.isEmpty)
        }

        deinit { Glibc.close(peer) }

        /// The peer sends this, and it has been received on return.
        func receive(_ text: String) {
            _ = text.withCString { write(peer, $0, strlen($0)) }
            reactor.run()
        }

        func resetByPeer() {
            _ = clinux_reset_on_close(peer)
            Glibc.close(peer)
            peer = -1
            reactor.run()
        }

        func connected() { reactor.stop() }
        func received(_ bytes: UnsafeRawBufferPointer) {
            count += bytes.count
            reactor.stop()
        }
        func inputEnded() { reactor.stop() }
        func outputDrained() {}
        func closed(_ cause: StreamEnd) {
            end = cause
            reactor.stop()
        }
    }

    @Test("bytes, segments and round trip are counted, and nothing is unacknowledged when an answer has come")
    func counts() throws {
        let ends = try Ends()
        let before = try #require(ends.stream.tcpInfo)
        "request".utf8.withContiguousStorageIfAvailable { ends.stream.write(UnsafeRawBufferPointer($0)) }
        ends.receive("answer")
        let after = try #require(ends.stream.tcpInfo)
        #expect(after.bytesAcknowledged - before.bytesAcknowledged == 7)
        #expect(after.bytesReceived - before.bytesReceived == 6)
        #expect(after.segmentsSent > before.segmentsSent && after.segmentsReceived > before.segmentsReceived)
        #expect(after.roundTripTime > 0 && after.minRoundTripTime > 0 && after.congestionWindow > 0)
        #expect(after.slowStartThreshold == 0 && after.congestionState == .open)
        #expect(after.unacknowledged == 0 && after.backoff == 0 && after.retransmits == 0 && after.lost == 0)
        ends.stream.close()
        #expect(ends.stream.tcpInfo == nil)
    }

    @Test("of a connection that was reset the last is kept, though its socket is gone")
    func afterReset() throws {
        let ends = try Ends()
        ends.receive("answer")
        ends.resetByPeer()
        #expect(ends.end == .failure(ECONNRESET) && !ends.stream.isOpen)
        #expect(ends.stream.tcpInfo?.bytesReceived == 6)
    }

    @Test("options are read back as they are, and the user timeout is replaced and told")
    func options() throws {
        var options = SocketOptions()
        options.keepAlive = SocketOptions.KeepAlive(idle: 61, interval: 7, count: 3)
        options.userTimeout = .seconds(29)
        options.congestionControl = "reno"
        options.sendBuffer = 32 << 10
        let ends = try Ends(options)
        let facts = try #require(ends.stream.socketFacts)
        #expect(facts.noDelay && !facts.fastOpen && facts.congestionControl == "reno")
        #expect(facts.keepAlive == SocketFacts.KeepAlive(idle: 61, interval: 7, count: 3))
        #expect(facts.userTimeout == 29_000 && facts.sendBuffer == 32 << 10)
        #expect(ends.stream.setUserTimeout(5000) == 29_000)
        #expect(ends.stream.socketFacts?.userTimeout == 5000 && ends.stream.setUserTimeout(0) == 5000)
        ends.stream.close()
        #expect(ends.stream.socketFacts == nil && ends.stream.setUserTimeout(1) < 0)
    }
}
