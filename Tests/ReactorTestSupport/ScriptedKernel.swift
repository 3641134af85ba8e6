import CLinux
import ProxyTypes
import Reactor
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A kernel without sockets or time of its own: tests play every peer and set the clock.
final class ScriptedKernel: Kernel {
    /// One connection as its peer sees it.
    final class Peer {
        fileprivate unowned let kernel: ScriptedKernel
        fileprivate let descriptor: CInt
        let endpoint: Endpoint
        fileprivate var arriving: [UInt8] = []
        fileprivate var hasEnded = false
        fileprivate var error: CInt = 0

        /// What has come from connd.
        fileprivate(set) var received: [UInt8] = []
        /// How much more the kernel takes from connd.
        fileprivate var room = Int.max
        fileprivate(set) var seesEnd = false
        fileprivate(set) var isClosed = false

        fileprivate init(_ kernel: ScriptedKernel, _ descriptor: CInt, _ endpoint: Endpoint) {
            self.kernel = kernel
            self.descriptor = descriptor
            self.endpoint = endpoint
        }

        var text: String { String(decoding: received, as: UTF8.self) }

        /// Completes the handshake.
        func accept() { kernel.signal(self, ReadyEvents.output) }

        func refuse(_ code: CInt = ECONNREFUSED) {
            error = code
            kernel.signal(self, ReadyEvents.hangup | ReadyEvents.output)
        }

        func send(_ text: String) {
            arriving += Array(text.utf8)
            kernel.signal(self, ReadyEvents.input)
        }

        func end() {
            hasEnded = true
            // EPOLLRDHUP.
            kernel.signal(self, ReadyEvents.input | 0x2000)
        }

        func reset() {
            error = ECONNRESET
            kernel.signal(self, ReadyEvents.input | ReadyEvents.hangup)
        }

        /// What connd writes from now on waits, but for so many bytes.
        func takeOnly(_ count: Int) { room = count }

        func takeAll() {
            room = .max
            kernel.signal(self, ReadyEvents.output)
        }
    }

    private(set) var now = Instant.zero + .seconds(1_000)
    private(set) var peers: [Peer] = []
    /// What the next attempts to connect return at once, instead of waiting for the peer.
    var connectErrors: [CInt] = []
    /// Whether the loop would have waited for a deadline, and not for events alone.
    private(set) var hasTimers = false
    private var tags: [CInt: UnsafeRawPointer] = [:]
    private var events: [(descriptor: CInt, bits: UInt32)] = []
    private let wakeups = Wakeups()

    /// Shared, as `wake` may be called on any thread.
    private final class Wakeups: Sendable {
        private let isDue = Mutex(false)
        func set() { isDue.withLock { $0 = true } }
        func take() -> Bool {
            isDue.withLock { isDue in
                defer { isDue = false }
                return isDue
            }
        }
    }

    func advance(by interval: Interval) { now = now + interval }

    private func signal(_ peer: Peer, _ bits: UInt32) { events.append((peer.descriptor, bits)) }

    private func peer(_ descriptor: CInt) -> Peer { peers[Int(descriptor)] }

    // MARK: Clocks and readiness

    func instant() -> Instant { now }
    func wallClock() -> Int64 { 1_700_000_000_000 + (now - .zero).wholeMilliseconds }

    func watch(_ descriptor: CInt, tag: UnsafeRawPointer, edges: Bool) -> CInt {
        tags[descriptor] = tag
        return 0
    }

    func setWatching(_ descriptor: CInt, tag: UnsafeRawPointer, _ on: Bool) {}
    func unwatch(_ descriptor: CInt) { tags[descriptor] = nil }

    /// Never waits.
    func wait(into ready: UnsafeMutableBufferPointer<clinux_ready>, timeout: Int64) -> Int {
        hasTimers = timeout > 0
        var count = 0
        if wakeups.take() {
            ready[count] = clinux_ready(events: ReadyEvents.input, tag: nil)
            count += 1
        }
        for event in events {
            guard let tag = tags[event.descriptor] else { continue }
            ready[count] = clinux_ready(events: event.bits, tag: tag)
            count += 1
        }
        events = []
        return count
    }

    var wake: @Sendable () -> Void {
        let wakeups = wakeups
        return { wakeups.set() }
    }

    func acknowledgeWake() {}

    // MARK: Sockets

    func makeSocket(_ family: IPAddress.Family) -> CInt {
        let descriptor = CInt(peers.count)
        // Where it leads is known at `connect`.
        peers.append(Peer(self, descriptor, Endpoint(address: IPAddress(ipv4: 0), port: 0)))
        return descriptor
    }

    func apply(_ options: SocketOptions, to descriptor: CInt) -> [SocketOptions.Refusal] { [] }
    func bind(_ descriptor: CInt, to address: IPAddress) -> CInt { 0 }

    func connect(_ descriptor: CInt, to endpoint: Endpoint) -> CInt {
        peers[Int(descriptor)] = Peer(self, descriptor, endpoint)
        return connectErrors.isEmpty ? -EINPROGRESS : -connectErrors.removeFirst()
    }

    func accept(_ descriptor: CInt, peer: inout IPAddress?) -> CInt { -EAGAIN }

    func close(_ descriptor: CInt) {
        peer(descriptor).isClosed = true
        tags[descriptor] = nil
    }

    func resetOnClose(_ descriptor: CInt) {}

    // MARK: Bytes

    func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        let peer = peer(descriptor)
        let count = min(bytes.count, peer.room)
        guard count > 0 else { return -Int(EAGAIN) }
        peer.received += Array(bytes.prefix(count))
        if peer.room < .max { peer.room -= count }
        return count
    }

    func send(_ descriptor: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        let sent = send(descriptor, first)
        guard sent == first.count else { return sent }
        return sent + max(send(descriptor, second), 0)
    }

    func receive(_ descriptor: CInt, into room: UnsafeMutableRawBufferPointer) -> Int {
        let peer = peer(descriptor)
        guard peer.arriving.isEmpty else {
            let count = min(peer.arriving.count, room.count)
            room.copyBytes(from: peer.arriving.prefix(count))
            peer.arriving.removeFirst(count)
            return count
        }
        if peer.error != 0 { return -Int(peer.error) }
        return peer.hasEnded ? 0 : -Int(EAGAIN)
    }

    func shutdownOutput(_ descriptor: CInt) { peer(descriptor).seesEnd = true }

    func pendingError(_ descriptor: CInt) -> CInt {
        defer { peer(descriptor).error = 0 }
        return peer(descriptor).error
    }

    func isSilent(_ descriptor: CInt) -> Bool {
        let peer = peer(descriptor)
        return peer.arriving.isEmpty && !peer.hasEnded && peer.error == 0
    }

    // MARK: What the kernel knows

    func localEndpoint(_ descriptor: CInt) -> Endpoint? { nil }
    func remoteEndpoint(_ descriptor: CInt) -> Endpoint? { peer(descriptor).endpoint }
    func setNoDelay(_ descriptor: CInt) {}
    func acknowledgeAtOnce(_ descriptor: CInt) {}
    func congestionWindow(_ descriptor: CInt) -> UInt32 { 0 }
    func tcpInfo(_ descriptor: CInt) -> TCPInfo? { nil }
    func interfaceAddresses() -> [IPAddress] { [] }
}
