package import CLinux
package import ProxyTypes
package import Reactor
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A kernel without sockets or time of its own: tests play every peer and set the clock. Loop-bound.
package final class ScriptedKernel: Kernel {
    package private(set) var now = Instant.zero + .seconds(1000)
    /// Milliseconds since 1970 at `Instant.zero`.
    package var wallClockAtZero: Int64 = 1_700_000_000_000
    /// In the order in which their sockets were made.
    package private(set) var peers: [ScriptedPeer] = []
    /// Whether a connection opens without waiting for its peer's `accept`.
    package var opensAtOnce: Bool
    /// What the next attempts to connect return at once.
    package var connectErrors: [CInt] = []
    /// The addresses of the host.
    package var addresses: [IPAddress] = []
    /// The one from which the host reaches others.
    package var source: IPAddress? = IPAddress(ipv4: 0x7F00_0001)
    /// Whether peers have acknowledged what was sent.
    package var acknowledges = true
    /// Whether the loop would have waited for a deadline, and not for events alone.
    package private(set) var hasTimers = false
    /// Peers with something to report, in the order in which it happened.
    private var signalled: [ScriptedPeer] = []
    private let wakeups = Wakeups()

    /// Far from those of the process, which no mistake may close.
    private static let firstDescriptor: CInt = 1_000_000

    /// Shared, as `wake` may be called on any thread.
    private final class Wakeups: Sendable {
        private let isDue = Atomic(false)
        func set() { isDue.store(true, ordering: .relaxed) }
        func take() -> Bool { isDue.exchange(false, ordering: .relaxed) }
    }

    package init(opensAtOnce: Bool = false) {
        self.opensAtOnce = opensAtOnce
    }

    /// Those of connections that connd opened.
    package var outgoing: [ScriptedPeer] { peers.filter { $0.endpoint != nil } }
    package var openSockets: Int { peers.count { !$0.isClosed } }
    package var hasEvents: Bool { signalled.contains { $0.tag != nil } }

    package func advance(by interval: Interval) { now = now + interval }

    /// The socket of a connection that is open already.
    package func makePeer() -> ScriptedPeer {
        let peer = ScriptedPeer(self, Self.firstDescriptor + CInt(peers.count))
        peers.append(peer)
        return peer
    }

    func signal(_ peer: ScriptedPeer, _ events: UInt32) {
        guard !peer.isClosed else { return }
        if peer.events == 0 { signalled.append(peer) }
        peer.events |= events
    }

    private func peer(_ descriptor: CInt) -> ScriptedPeer { peers[Int(descriptor - Self.firstDescriptor)] }

    // MARK: Clocks and readiness

    package func instant() -> Instant { now }
    package func wallClock() -> Int64 { wallClockAtZero + (now - .zero).wholeMilliseconds }

    package func watch(_ descriptor: CInt, tag: UnsafeRawPointer, edges: Bool) -> CInt {
        peer(descriptor).tag = tag
        return 0
    }

    package func setWatching(_ descriptor: CInt, tag: UnsafeRawPointer, _ on: Bool) {}
    package func unwatch(_ descriptor: CInt) { peer(descriptor).tag = nil }

    /// Never waits.
    package func wait(into ready: UnsafeMutableBufferPointer<clinux_ready>, timeout: Int64) -> Int {
        hasTimers = timeout > 0
        var count = 0
        if wakeups.take() {
            ready[count] = clinux_ready(events: ReadyEvents.input, tag: nil)
            count += 1
        }
        let due = signalled
        signalled = []
        for peer in due where !peer.isClosed {
            guard let tag = peer.tag, count < ready.count else {
                signalled.append(peer)
                continue
            }
            ready[count] = clinux_ready(events: peer.events, tag: tag)
            peer.events = 0
            count += 1
        }
        return count
    }

    package var wake: @Sendable () -> Void {
        let wakeups = wakeups
        return { wakeups.set() }
    }

    package func acknowledgeWake() {}

    // MARK: Sockets

    package func makeSocket(_ family: IPAddress.Family) -> CInt { makePeer().descriptor }
    package func apply(_ options: SocketOptions, to descriptor: CInt) -> [SocketOptions.Refusal] { [] }
    package func bind(_ descriptor: CInt, to address: IPAddress) -> CInt {
        peer(descriptor).source = address
        return 0
    }

    package func connect(_ descriptor: CInt, to endpoint: Endpoint) -> CInt {
        let peer = peer(descriptor)
        peer.endpoint = endpoint
        guard connectErrors.isEmpty else { return -connectErrors.removeFirst() }
        if opensAtOnce { peer.accept() }
        return -EINPROGRESS
    }

    package func accept(_ descriptor: CInt, peer: inout IPAddress?) -> CInt { -EAGAIN }

    package func close(_ descriptor: CInt) {
        let peer = peer(descriptor)
        peer.isClosed = true
        peer.tag = nil
        // As Linux does where bytes are lost.
        if peer.resetsOnClose || !peer.unread.isEmpty {
            peer.ending = .reset
        } else if peer.ending == .none {
            peer.ending = .fin
        }
    }

    package func resetOnClose(_ descriptor: CInt) { peer(descriptor).resetsOnClose = true }

    // MARK: Bytes

    package func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        let peer = peer(descriptor)
        if peer.error != 0 { return -Int(pendingError(descriptor)) }
        let count = min(bytes.count, peer.room)
        guard count > 0 else { return -Int(EAGAIN) }
        peer.receivedBytes += bytes.prefix(count)
        if peer.room < .max { peer.room -= count }
        return count
    }

    package func send(_ descriptor: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        let sent = send(descriptor, first)
        guard sent == first.count else { return sent }
        return sent + max(send(descriptor, second), 0)
    }

    package func receive(_ descriptor: CInt, into room: UnsafeMutableRawBufferPointer) -> Int {
        let peer = peer(descriptor)
        guard peer.unread.isEmpty else {
            let count = min(peer.unread.count, room.count)
            room.copyBytes(from: peer.unread.prefix(count))
            peer.unread.removeFirst(count)
            return count
        }
        if peer.error != 0 { return -Int(pendingError(descriptor)) }
        return peer.hasEnded ? 0 : -Int(EAGAIN)
    }

    package func shutdownOutput(_ descriptor: CInt) { peer(descriptor).ending = .fin }

    package func pendingError(_ descriptor: CInt) -> CInt {
        defer { peer(descriptor).error = 0 }
        return peer(descriptor).error
    }

    package func isSilent(_ descriptor: CInt) -> Bool {
        let peer = peer(descriptor)
        return peer.unread.isEmpty && !peer.hasEnded && peer.error == 0
    }

    // MARK: What the kernel knows

    package func localEndpoint(_ descriptor: CInt) -> Endpoint? {
        let peer = peer(descriptor)
        guard peer.endpoint != nil else { return nil }
        return Endpoint(
            address: peer.source ?? IPAddress(ipv4: 0x7F00_0001),
            port: UInt16(truncatingIfNeeded: 40_000 + descriptor - Self.firstDescriptor))
    }
    package func hasUnacknowledged(_ descriptor: CInt) -> Bool { !acknowledges }
    package func source(for address: IPAddress) -> IPAddress? { source }
    package func remoteEndpoint(_ descriptor: CInt) -> Endpoint? { peer(descriptor).endpoint }
    package func setNoDelay(_ descriptor: CInt) {}
    package func acknowledgeAtOnce(_ descriptor: CInt) {}
    package func tcpInfo(_ descriptor: CInt) -> TCPInfo? { peer(descriptor).info }

    package func setUserTimeout(_ descriptor: CInt, _ milliseconds: CInt) -> CInt {
        let before = peer(descriptor).userTimeouts.last ?? 0
        peer(descriptor).userTimeouts.append(milliseconds)
        return before
    }

    package func interfaceAddresses() -> [IPAddress] { addresses }
}
