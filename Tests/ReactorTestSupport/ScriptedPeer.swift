package import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// The other end of one of connd's sockets, as a test plays it: what it sends, and what it has received. Loop-bound.
package final class ScriptedPeer {
    /// How connd ended its output.
    package enum Ending { case none, fin, reset }

    private unowned let kernel: ScriptedKernel
    /// Of connd's socket.
    package let descriptor: CInt
    /// Where connd connects to; nil for a client's connection.
    package internal(set) var endpoint: Endpoint?
    /// What connd bound the socket to.
    package internal(set) var source: IPAddress?
    package internal(set) var receivedBytes: [UInt8] = []
    package internal(set) var ending = Ending.none
    package internal(set) var isClosed = false
    /// connd has shut its output and still reads.
    package var isHalfClosed: Bool { ending == .fin && !isClosed }
    /// Bytes that connd has not read.
    package var unread: [UInt8] = []
    /// How many more bytes the kernel takes from connd.
    var room = Int.max
    var hasEnded = false
    /// SO_ERROR.
    var error: CInt = 0
    var resetsOnClose = false
    /// What the kernel tells of the connection; nil: nothing.
    package var info: TCPInfo?
    /// TCP_USER_TIMEOUT in milliseconds, as it was set; the first is what it was at first.
    package internal(set) var userTimeouts: [CInt] = [0]
    var tag: UnsafeRawPointer?
    /// What is to be reported.
    var events: UInt32 = 0

    init(_ kernel: ScriptedKernel, _ descriptor: CInt) {
        self.kernel = kernel
        self.descriptor = descriptor
    }

    package var received: String { String(decoding: receivedBytes, as: UTF8.self) }

    /// What has been received since the last call.
    package func take() -> String { String(decoding: takeBytes(), as: UTF8.self) }

    package func takeBytes() -> [UInt8] {
        defer { receivedBytes = [] }
        return receivedBytes
    }

    // MARK: What it does

    /// Completes the handshake.
    package func accept() { kernel.signal(self, ReadyEvents.output) }

    package func refuse(_ code: CInt = ECONNREFUSED) {
        error = code
        hasEnded = true
        kernel.signal(self, ReadyEvents.hangup | ReadyEvents.output)
    }

    package func send(_ text: String) { send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) {
        unread += bytes
        kernel.signal(self, ReadyEvents.input)
    }

    /// A FIN.
    package func end() {
        hasEnded = true
        kernel.signal(self, ReadyEvents.input | Self.peerHangup)
    }

    package func reset() {
        error = ECONNRESET
        hasEnded = true
        kernel.signal(self, ReadyEvents.input | ReadyEvents.hangup)
    }

    /// Takes no more than so many bytes from now on, until `takeAll`.
    package func takeOnly(_ count: Int) { room = count }

    package func takeAll() {
        room = .max
        kernel.signal(self, ReadyEvents.output)
    }

    /// The kernel gives up: nothing that connd sent was acknowledged.
    package func vanish(_ code: CInt = ETIMEDOUT) {
        error = code
        hasEnded = true
        kernel.signal(self, ReadyEvents.input | ReadyEvents.hangup | ReadyEvents.error)
    }

    /// Held by the kernel before connd changes it.
    package func setUserTimeout(_ milliseconds: CInt) { userTimeouts = [milliseconds] }

    /// EPOLLRDHUP.
    private static let peerHangup: UInt32 = 0x2000
}
