import CLinux
import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// The other end of one of connd's sockets, as a test plays it: what it sends and what it has received.
final class Peer {
    enum Ending { case none, fin, reset }

    let descriptor: CInt
    /// Where connd connects to; nil for a client's connection.
    fileprivate(set) var endpoint: Endpoint?
    fileprivate(set) var received = ""
    /// How connd ended its output.
    fileprivate(set) var ending = Ending.none
    fileprivate(set) var isClosed = false
    /// Bytes that connd has not read.
    fileprivate(set) var unread: [UInt8] = []
    fileprivate var inputEnding = Ending.none
    /// How many bytes are still taken.
    fileprivate var room = Int.max
    fileprivate var tag: UnsafeRawPointer?
    fileprivate var events: UInt32 = 0
    fileprivate var resetsOnClose = false

    fileprivate init(_ descriptor: CInt, endpoint: Endpoint? = nil) {
        self.descriptor = descriptor
        self.endpoint = endpoint
    }

    func send(_ text: String) {
        unread += Array(text.utf8)
        events |= ReadyEvents.input
    }

    func shut() {
        inputEnding = .fin
        events |= ReadyEvents.input | 0x2000
    }

    func reset() {
        inputEnding = .reset
        events |= ReadyEvents.input | ReadyEvents.hangup
    }

    func takesNoMore() { room = 0 }

    func takes(_ count: Int = .max) {
        room = count
        events |= ReadyEvents.output
    }

    /// An outgoing connection opens.
    func accept() { events |= ReadyEvents.output }

    /// What was received since the last call.
    func take() -> String {
        defer { received = "" }
        return received
    }
}

/// A kernel whose sockets exist only in a test, on a clock that only the test moves.
final class ScriptedKernel: Kernel {
    private(set) var sockets: [Peer] = []
    /// Connections that connd opened, in this order.
    var outgoing: [Peer] { sockets.filter { $0.endpoint != nil } }
    var openSockets: Int { sockets.count { !$0.isClosed } }
    /// Off: a connection opens when the test says so.
    var opensAtOnce = true
    var time = Instant.zero + .seconds(1000)

    private static let firstDescriptor: CInt = 1000

    func makePeer() -> Peer {
        let peer = Peer(Self.firstDescriptor + CInt(sockets.count))
        sockets.append(peer)
        return peer
    }

    private func peer(_ descriptor: CInt) -> Peer { sockets[Int(descriptor - Self.firstDescriptor)] }

    var hasEvents: Bool { sockets.contains { $0.tag != nil && $0.events != 0 } }

    // MARK: Kernel

    func instant() -> Instant { time }
    func wallClock() -> Int64 { 1_700_000_000_000 + time.nanoseconds / 1_000_000 }

    func watch(_ descriptor: CInt, tag: UnsafeRawPointer, edges: Bool) -> CInt {
        peer(descriptor).tag = tag
        return 0
    }

    func setWatching(_ descriptor: CInt, tag: UnsafeRawPointer, _ on: Bool) {}
    func unwatch(_ descriptor: CInt) {}

    func wait(into ready: UnsafeMutableBufferPointer<clinux_ready>, timeout: Int64) -> Int {
        var count = 0
        for peer in sockets where peer.events != 0 && count < ready.count {
            guard let tag = peer.tag else { continue }
            ready[count] = clinux_ready(events: peer.events, tag: tag)
            peer.events = 0
            count += 1
        }
        return count
    }

    let wake: @Sendable () -> Void = {}
    func acknowledgeWake() {}

    func makeSocket(_ family: IPAddress.Family) -> CInt { makePeer().descriptor }
    func apply(_ options: SocketOptions, to descriptor: CInt) -> [SocketOptions.Refusal] { [] }
    func bind(_ descriptor: CInt, to address: IPAddress) -> CInt { 0 }

    func connect(_ descriptor: CInt, to endpoint: Endpoint) -> CInt {
        peer(descriptor).endpoint = endpoint
        if opensAtOnce { peer(descriptor).accept() }
        return -EINPROGRESS
    }

    func accept(_ descriptor: CInt, peer: inout IPAddress?) -> CInt { -EAGAIN }

    func close(_ descriptor: CInt) {
        let peer = peer(descriptor)
        peer.isClosed = true
        peer.tag = nil
        if peer.resetsOnClose || !peer.unread.isEmpty {
            peer.ending = .reset
        } else if peer.ending == .none {
            peer.ending = .fin
        }
    }

    func resetOnClose(_ descriptor: CInt) { peer(descriptor).resetsOnClose = true }

    func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        let peer = peer(descriptor)
        guard peer.inputEnding != .reset else { return -Int(EPIPE) }
        let count = min(bytes.count, peer.room)
        guard count > 0 else { return -Int(EAGAIN) }
        if peer.room != .max { peer.room -= count }
        peer.received += String(decoding: bytes[..<count], as: UTF8.self)
        return count
    }

    func send(_ descriptor: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        let sent = send(descriptor, first)
        guard sent == first.count else { return sent }
        return sent + max(send(descriptor, second), 0)
    }

    func receive(_ descriptor: CInt, into room: UnsafeMutableRawBufferPointer) -> Int {
        let peer = peer(descriptor)
        guard peer.unread.isEmpty else {
            let count = min(room.count, peer.unread.count)
            room.copyBytes(from: peer.unread.prefix(count))
            peer.unread.removeFirst(count)
            return count
        }
        switch peer.inputEnding {
        case .none: return -Int(EAGAIN)
        case .fin: return 0
        case .reset: return -Int(ECONNRESET)
        }
    }

    func shutdownOutput(_ descriptor: CInt) { peer(descriptor).ending = .fin }
    func pendingError(_ descriptor: CInt) -> CInt { peer(descriptor).inputEnding == .reset ? ECONNRESET : 0 }
    func isSilent(_ descriptor: CInt) -> Bool {
        peer(descriptor).unread.isEmpty && peer(descriptor).inputEnding == .none
    }

    func localEndpoint(_ descriptor: CInt) -> Endpoint? { nil }
    func remoteEndpoint(_ descriptor: CInt) -> Endpoint? { peer(descriptor).endpoint }
    func setNoDelay(_ descriptor: CInt) {}
    func acknowledgeAtOnce(_ descriptor: CInt) {}
    func congestionWindow(_ descriptor: CInt) -> UInt32 { 0 }
    func tcpInfo(_ descriptor: CInt) -> TCPInfo? { nil }
    func interfaceAddresses() -> [IPAddress] { [] }
}
