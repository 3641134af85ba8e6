package import CLinux
package import ProxyTypes

/// The system calls of one event loop: its sockets, what is ready, and its clocks.
///
/// `LinuxKernel` makes the real calls. A simulated kernel runs the same loop, streams and listeners on a network that exists
/// only in memory. Failures are negative error numbers, as in Linux itself. Loop-bound, but for `wake`.
package protocol Kernel: AnyObject {
    // MARK: Clocks

    /// For durations; never goes back.
    func instant() -> Instant
    /// Milliseconds since 1970, UTC; can be set at any time.
    func wallClock() -> Int64

    // MARK: Readiness

    /// Reports events of `descriptor` with `tag` from now on: edge-triggered for input, output and ends, or level-triggered
    /// for input alone. 0 or a negative error number.
    func watch(_ descriptor: CInt, tag: UnsafeRawPointer, edges: Bool) -> CInt
    /// Turns the events of a level-triggered descriptor on or off.
    func setWatching(_ descriptor: CInt, tag: UnsafeRawPointer, _ on: Bool)
    /// Needed only where others hold the socket too: closing a descriptor of one's own ends its registration.
    func unwatch(_ descriptor: CInt)
    /// Waits for events for at most `timeout` nanoseconds, below 0 for ever, and returns how many were written to `ready`.
    /// An event without a tag is a `wake`, or says that a clock was changed.
    func wait(into ready: UnsafeMutableBufferPointer<clinux_ready>, timeout: Int64) -> Int
    /// Ends a `wait`, or the next one. May be called on any thread.
    var wake: @Sendable () -> Void { get }
    /// To be called when an event without a tag was reported, and before its cause is looked for.
    func acknowledgeWake()

    // MARK: Sockets

    /// A non-blocking stream socket for addresses of this family, or a negative error number.
    func makeSocket(_ family: IPAddress.Family) -> CInt
    /// Sets options before the connection is opened, and returns those that were refused or cut.
    func apply(_ options: SocketOptions, to descriptor: CInt) -> [SocketOptions.Refusal]
    func bind(_ descriptor: CInt, to address: IPAddress) -> CInt
    /// 0, -EINPROGRESS, or the error that ended it at once.
    func connect(_ descriptor: CInt, to endpoint: Endpoint) -> CInt
    /// A non-blocking socket, or a negative error number. `peer` is nil on a Unix socket.
    func accept(_ descriptor: CInt, peer: inout IPAddress?) -> CInt
    func close(_ descriptor: CInt)
    /// The next `close` sends RST and drops what is unsent.
    func resetOnClose(_ descriptor: CInt)

    // MARK: Bytes

    /// How many bytes were taken, or a negative error number.
    func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int
    func send(_ descriptor: CInt, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int
    /// How many bytes came, 0 at the end of input, or a negative error number.
    func receive(_ descriptor: CInt, into room: UnsafeMutableRawBufferPointer) -> Int
    func shutdownOutput(_ descriptor: CInt)
    /// The socket's error, which is reset by asking; 0 if there is none.
    func pendingError(_ descriptor: CInt) -> CInt
    /// Whether nothing waits to be read: no bytes, no end, no error.
    func isSilent(_ descriptor: CInt) -> Bool

    // MARK: What the kernel knows

    func localEndpoint(_ descriptor: CInt) -> Endpoint?
    func remoteEndpoint(_ descriptor: CInt) -> Endpoint?
    func setNoDelay(_ descriptor: CInt)
    /// Sends what is put off of acknowledgements, and puts off no more until the next bytes go out.
    func acknowledgeAtOnce(_ descriptor: CInt)
    func tcpInfo(_ descriptor: CInt) -> TCPInfo?
    /// The options of a socket as they are now; nil where they cannot be read.
    func socketFacts(_ descriptor: CInt) -> SocketFacts?
    /// How many milliseconds what is sent may stay unacknowledged, 0 for as long as the kernel likes. Returns what held
    /// before; negative where it could not be changed.
    func setUserTimeout(_ descriptor: CInt, _ milliseconds: CInt) -> CInt
    /// The addresses of this host's interfaces.
    func interfaceAddresses() -> [IPAddress]
    /// Who holds the other end; nil where it is not on this host, or where that cannot be known.
    func peerOwner(_ descriptor: CInt) -> SocketOwner?
    /// Whether bytes are on their way that the peer's kernel has not acknowledged.
    func hasUnacknowledged(_ descriptor: CInt) -> Bool
    /// The address of this host from which it reaches that one; nil if there is none, `0.0.0.0` where it is not known.
    func source(for address: IPAddress) -> IPAddress?
}

extension Kernel {
    package func peerOwner(_ descriptor: CInt) -> SocketOwner? { nil }
    package func socketFacts(_ descriptor: CInt) -> SocketFacts? { nil }
    package func setUserTimeout(_ descriptor: CInt, _ milliseconds: CInt) -> CInt { -1 }
    package func hasUnacknowledged(_ descriptor: CInt) -> Bool { true }
    package func source(for address: IPAddress) -> IPAddress? { IPAddress(ipv4: 0) }
}
