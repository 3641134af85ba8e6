package import ProxyTypes

/// What a stream tells its handler. Every call comes from the loop, never from within a call to the stream.
package protocol StreamHandler: AnyObject {
    /// The bytes are the stream's and are overwritten when this returns.
    func received(_ bytes: UnsafeRawBufferPointer)
    /// The peer's end of output: nothing more comes.
    func inputEnded()
    /// The stream is closed.
    func closed(_ cause: StreamEnd)
    /// All that was written has been taken, after some of it had to wait.
    func outputDrained()
    /// An outgoing connection is open.
    func connected()
}

/// Why a stream closed without having been told to close at once. Value.
package enum StreamEnd: Equatable, Sendable {
    /// `closeAfterOutput` has done its work.
    case outputDone
    /// A reset or another error of the connection.
    case failure(CInt)
    /// The encryption of the connection broke, or the peer refused it with an alert.
    case tls(TLSFailure)
}

/// Bytes both ways between this host and a peer, in order, with back-pressure: what ForwardProxy and Upstream see of a
/// connection, whatever carries it. Loop-bound.
package protocol ByteStream: AnyObject {
    /// Held until the stream closes.
    var handler: (any StreamHandler)? { get set }

    var isOpen: Bool { get }
    /// False while something waits to be taken: then whatever feeds this stream should pause.
    var isWritable: Bool { get }
    var unsentBytes: Int { get }
    /// Whether our end of output has gone out.
    var outputIsShut: Bool { get }
    /// The peer's end of output was read: nothing more comes.
    var inputHasEnded: Bool { get }
    /// The end of input may be forged: the connection is encrypted, and the peer did not say that it has sent everything.
    var inputEndIsUnproven: Bool { get }
    /// An end or an error is known to follow the bytes that are still to be read.
    var hangupSeen: Bool { get }
    /// Whether nothing has come that was not read, not even an end. May cost a system call.
    var isSilent: Bool { get }

    /// A reset is reported even while reading is paused: for a peer whose bytes are worth nothing once it is gone.
    var tellsResetWhilePaused: Bool { get set }
    /// How much one read may bring.
    var readLimit: Int { get set }

    /// What cannot go out at once is kept and follows. Ignored after the end of output.
    func write(_ bytes: UnsafeRawBufferPointer)
    /// Both in one segment where they fit.
    func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer)
    func pauseReading()
    func resumeReading()
    /// Hands on what has come and was not read yet, within this call. For a stream over this one, which then tells its own
    /// handler nothing. It is read into `room`, as another stream may be handing on what is in the reactor's buffer.
    func readPending(into room: UnsafeMutableRawBufferPointer)

    /// Sends a FIN behind all that was written; input goes on.
    func shutdownOutput()
    /// At once; what has not gone out is lost.
    func close()
    /// Closes once all that was written has gone out. True: that was at once; otherwise the handler's
    /// `closed(.outputDone)` follows.
    func closeAfterOutput() -> Bool
    /// At once with a RST, so that the peer cannot take what it has received for the whole.
    func reset()

    var localEndpoint: Endpoint? { get }
    var remoteEndpoint: Endpoint? { get }
    /// Nil once the stream is closed, but for one that was opened here and failed: of that the last is kept. Nil, too, where
    /// nothing is known. Costs a system call.
    var tcpInfo: TCPInfo? { get }
    /// The options of the socket; nil once the stream is closed. Costs a dozen system calls.
    var socketFacts: SocketFacts? { get }
    /// How many milliseconds what is sent may stay unacknowledged, 0 for as long as the kernel likes. Returns what held
    /// before; negative where it could not be changed.
    func setUserTimeout(_ milliseconds: CInt) -> CInt
    /// Who holds the other end; nil where it is not on this host, or where that cannot be known. Costs a few system calls.
    var peerOwner: SocketOwner? { get }
    /// Whether the peer's kernel has all that was written. Costs a system call.
    var isAcknowledged: Bool { get }
}

extension ByteStream {
    package var peerOwner: SocketOwner? { nil }
    package var socketFacts: SocketFacts? { nil }
    package func setUserTimeout(_ milliseconds: CInt) -> CInt { -1 }
    package var isAcknowledged: Bool { false }
}
