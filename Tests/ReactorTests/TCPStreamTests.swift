import CLinux
import ProxyTypes
import Reactor
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Remembers what a stream told it, and stops the reactor when `until` holds.
private final class Recorder: StreamHandler {
    var stream: TCPStream?
    let reactor: Reactor
    var until: (Recorder) -> Bool = { _ in false }
    var bytes: [UInt8] = []
    var inputHasEnded = false
    var failure: CInt?
    var isConnected = false
    var drains = 0
    var onReceive: ((Recorder) -> Void)?

    init(_ reactor: Reactor) { self.reactor = reactor }

    private func look() { if until(self) { reactor.stop() } }

    func received(_ more: UnsafeRawBufferPointer) {
        bytes += Array(more)
        onReceive?(self)
        look()
    }
    func inputEnded() {
        inputHasEnded = true
        look()
    }
    func closed(_ cause: StreamEnd) {
        switch cause {
        case .outputDone: failure = 0
        case .failure(let code): failure = code
        case .tls: break
        }
        look()
    }
    func outputDrained() {
        drains += 1
        look()
    }
    func connected() {
        isConnected = true
        look()
    }
}

/// A stream on one end of a socket pair; the test plays the other end with plain calls.
private struct Pair {
    let reactor: Reactor
    let recorder: Recorder
    let stream: TCPStream
    let peer: CInt

    init() throws {
        reactor = try Reactor()
        var ends: [CInt] = [0, 0]
        let made = socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends)
        try #require(made == 0)
        recorder = Recorder(reactor)
        stream = try TCPStream(ends[0], reactor: reactor, handler: recorder)
        recorder.stream = stream
        peer = ends[1]
    }

    func run(until: @escaping (Recorder) -> Bool) {
        recorder.until = until
        if !until(recorder) { reactor.run() }
    }

    func send(_ text: String) {
        _ = text.withCString { write(peer, $0, strlen($0)) }
    }

    /// All that can be read without waiting.
    func drainPeer() -> Int {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var total = 0
        while true {
            let count = read(peer, &buffer, buffer.count)
            guard count > 0 else { return total }
            total += count
        }
    }
}

@Suite("Streams")
struct TCPStreamTests {
    @Test("a stream that acknowledges at once tells the kernel so again after each read")
    func acknowledgesAtOnce() throws {
        let reactor = try Reactor()
        let recorder = Recorder(reactor)
        let listener = clinux_listen_tcp([127, 0, 0, 1], 4, 0, 1)
        try #require(listener >= 0)
        defer { close(listener) }
        var (address, port) = ([UInt8](repeating: 0, count: 16), UInt16(0))
        _ = clinux_local_address(listener, &address, &port)
        let place = try #require(IPAddress("127.0.0.1"))
        var options = SocketOptions()
        options.quickAcknowledgement = true
        var refusals: [SocketOptions.Refusal] = []
        let stream = try #require(
            try reactor.connect(
                to: Endpoint(address: place, port: port), from: nil, options: options, refusals: &refusals,
                handler: recorder) as? TCPStream)
        recorder.until = { $0.isConnected }
        reactor.run()
        let peer = accept(listener, nil, nil)
        try #require(peer >= 0)
        defer { close(peer) }
        for _ in 0..<2 {
            // As after bytes were sent: what comes is acknowledged with what goes out next, or a little later.
            #expect(clinux_set_int(stream.descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, 0) == 0)
            let before = recorder.bytes.count
            _ = write(peer, "part", 4)
            recorder.until = { $0.bytes.count == before + 4 }
            reactor.run()
            #expect(clinux_get_int(stream.descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK) == 1)
        }
        stream.close()
    }

    @Test("what the peer sends is received, and then its end")
    func receives() throws {
        let pair = try Pair()
        pair.send("hello")
        close(pair.peer)
        pair.run { $0.inputHasEnded }
        #expect(String(decoding: pair.recorder.bytes, as: UTF8.self) == "hello")
        pair.stream.close()
    }

    @Test("a paused stream hands on nothing, not even the peer's end, until it is resumed")
    func pauses() throws {
        let pair = try Pair()
        pair.stream.pauseReading()
        pair.send("held")
        close(pair.peer)
        let bell = LoopBound(pair.recorder, on: pair.reactor)
        pair.reactor.mailbox.execute {
            bell.value.isConnected = true; bell.value.reactor.stop()
        }
        pair.reactor.run()
        #expect(pair.recorder.bytes.isEmpty && !pair.recorder.inputHasEnded)
        pair.stream.resumeReading()
        pair.run { $0.inputHasEnded }
        #expect(String(decoding: pair.recorder.bytes, as: UTF8.self) == "held")
        pair.stream.close()
    }

    @Test("what the kernel does not take is kept, and told when it is gone")
    func keepsOutput() throws {
        let pair = try Pair()
        let large = [UInt8](repeating: 7, count: 4 << 20)
        large.withUnsafeBytes { pair.stream.write($0) }
        #expect(!pair.stream.isWritable)
        #expect(pair.stream.unsentBytes > 0)
        var taken = 0
        while pair.recorder.drains == 0 {
            taken += pair.drainPeer()
            let bell = LoopBound(pair.recorder, on: pair.reactor)
            pair.reactor.mailbox.execute { bell.value.reactor.stop() }
            pair.run { $0.drains > 0 }
        }
        taken += pair.drainPeer()
        #expect(taken == large.count)
        #expect(pair.stream.isWritable)
        pair.stream.close()
        close(pair.peer)
    }

    @Test("a shutdown waits for the output before it")
    func shutsDownInOrder() throws {
        let pair = try Pair()
        let large = [UInt8](repeating: 7, count: 1 << 20)
        large.withUnsafeBytes { pair.stream.write($0) }
        pair.stream.shutdownOutput()
        #expect(!pair.stream.outputIsShut)
        var taken = 0
        while !pair.stream.outputIsShut {
            taken += pair.drainPeer()
            let bell = LoopBound(pair.recorder, on: pair.reactor)
            pair.reactor.mailbox.execute { bell.value.reactor.stop() }
            pair.run { $0.drains > 0 }
        }
        taken += pair.drainPeer()
        var byte: UInt8 = 0
        #expect(taken == large.count)
        #expect(read(pair.peer, &byte, 1) == 0, "the end follows the last byte")
        pair.stream.close()
        close(pair.peer)
    }

    @Test("a write to a peer that is gone neither fails nor calls back; reading tells it")
    func brokenOutput() throws {
        let pair = try Pair()
        pair.send("last words")
        close(pair.peer)
        [1, 2, 3].withUnsafeBytes { pair.stream.write($0) }
        [1, 2, 3].withUnsafeBytes { pair.stream.write($0) }
        pair.run { $0.inputHasEnded || $0.failure != nil }
        #expect(String(decoding: pair.recorder.bytes, as: UTF8.self) == "last words")
        pair.stream.close()
    }

    @Test("a reset that a write has met is told behind what came before it, and not as an end")
    func resetMetByWrite() throws {
        let reactor = try Reactor()
        let listening = try ListeningSocket.open(.tcp(IPAddress(ipv4: 0x7F00_0001), port: 0))
        let place = try #require(listening.localAddress)
        let recorder = Recorder(reactor)
        recorder.until = { $0.isConnected }
        var refusals: [SocketOptions.Refusal] = []
        let stream = try reactor.connect(
            to: Endpoint(address: place.address, port: place.port), from: nil, options: SocketOptions(),
            refusals: &refusals, handler: recorder)
        reactor.run()
        var address = [UInt8](repeating: 0, count: 16)
        var length: CInt = 0
        let peer = clinux_accept(listening.descriptor, &address, &length)
        try #require(peer >= 0)
        #expect(write(peer, "last words", 10) == 10)
        #expect(clinux_reset_on_close(peer) == 0)
        close(peer)
        [1, 2, 3].withUnsafeBytes { stream.write($0) }
        recorder.until = { $0.inputHasEnded || $0.failure != nil }
        reactor.run()
        #expect(String(decoding: recorder.bytes, as: UTF8.self) == "last words")
        #expect(recorder.failure == ECONNRESET)
        #expect(!recorder.inputHasEnded)
        listening.close()
    }

    @Test("a refused connection is told with its error")
    func refused() throws {
        let reactor = try Reactor()
        let loopback = IPAddress(ipv4: 0x7F00_0001)
        // A port that was just given back is not listened on.
        let held = clinux_socket(4)
        try #require(held >= 0)
        #expect(clinux_bind(held, loopback.bytes, 4, 0) == 0)
        var address = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        #expect(clinux_local_address(held, &address, &port) == 4)
        let recorder = Recorder(reactor)
        recorder.until = { $0.failure != nil || $0.isConnected }
        var refusals: [SocketOptions.Refusal] = []
        let stream = try reactor.connect(
            to: Endpoint(address: loopback, port: port), from: nil, options: SocketOptions(), refusals: &refusals,
            handler: recorder)
        reactor.run()
        #expect(recorder.failure == ECONNREFUSED)
        #expect(!stream.isOpen)
        close(held)
    }
}

@Suite("Timer")
struct LazyTimerTests {
    private final class Owner: DeadlineOwner {
        var wakes: [Instant] = []
        var deadlines: [Instant] = []
        let reactor: Reactor
        init(_ reactor: Reactor) { self.reactor = reactor }

        func deadlineReached(now: Instant) -> Instant {
            wakes.append(now)
            guard !deadlines.isEmpty else {
                reactor.stop()
                return .distantFuture
            }
            return deadlines.removeFirst()
        }
    }

    @Test("an owner is woken at its time or after, in order, as often as it asks")
    func wakes() throws {
        let reactor = try Reactor()
        let owner = Owner(reactor)
        let start = reactor.now
        owner.deadlines = [start + .milliseconds(4), start + .milliseconds(8)]
        let deadline = Deadline(owner: owner)
        reactor.timer.wake(deadline, at: start + .milliseconds(2))
        reactor.run()
        try #require(owner.wakes.count == 3)
        #expect(owner.wakes[0] >= start + .milliseconds(2))
        #expect(owner.wakes[1] >= start + .milliseconds(4))
        #expect(owner.wakes[2] >= start + .milliseconds(8))
    }

    @Test("many deadlines come in the order of their times; removed ones do not come")
    func manyInOrder() throws {
        let reactor = try Reactor()
        var random = SeededRandom(seed: 11)
        final class Log { var fired: [Int64] = [] }
        final class One: DeadlineOwner {
            let at: Instant
            let log: Log
            init(_ at: Instant, _ log: Log) { (self.at, self.log) = (at, log) }
            func deadlineReached(now: Instant) -> Instant {
                log.fired.append(at.nanoseconds)
                return .distantFuture
            }
        }
        let log = Log()
        let owners = (0..<500).map { _ in One(reactor.now + Interval(nanoseconds: Int64(random.below(5_000_000))), log)
        }
        let deadlines = owners.map { Deadline(owner: $0) }
        for (owner, deadline) in zip(owners, deadlines) { reactor.timer.wake(deadline, at: owner.at) }
        for deadline in deadlines.prefix(100) { reactor.timer.remove(deadline) }
        let last = Owner(reactor)
        let end = Deadline(owner: last)
        reactor.timer.wake(end, at: reactor.now + .milliseconds(6))
        reactor.run()
        #expect(log.fired.count == 400)
        #expect(log.fired == log.fired.sorted())
        withExtendedLifetime((owners, last)) {}
    }
}
