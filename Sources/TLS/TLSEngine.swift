package import LocalCA
package import ProxyTypes
package import Reactor

/// The records of one connection: what has come is fed to it, what it sends goes out through the stream below at once. It makes
/// no callbacks. libssl is one; a simulation has a simpler one. Loop-bound.
package protocol TLSEngine: AnyObject {
    var below: any ByteStream { get }
    var info: TLSInfo { get }
    /// The peer has asked for a certificate, and there was none to show it. False where a session was resumed.
    var wantsCertificate: Bool { get }

    /// Runs `body` while `bytes` are what has come.
    func feed<Result>(_ bytes: UnsafeRawBufferPointer, _ body: () -> Result) -> Result
    func handshake() -> TLSHandshakeStep
    /// What was fed and has not been taken yet; valid within `feed`.
    var unreadInput: UnsafeRawBufferPointer { get }
    /// The alert that ended the connection, where the peer sent one.
    var receivedAlert: UInt8? { get }
    /// At most one record.
    func read(into room: UnsafeMutableRawBufferPointer) -> TLSReadStep
    /// False while nothing may be written, which ends when more has come.
    var takesOutput: Bool { get }
    /// Takes everything, as the stream below keeps what it cannot send. Nil: it went out.
    func write(_ bytes: UnsafeRawBufferPointer) -> TLSFailure?
    /// Tells the peer that nothing more comes, behind what was written.
    func sendCloseNotify()
    /// Whether the peer has one of the keys that the profile allows; nil where it has.
    func checkPins() -> TLSFailure?
    /// The sessions that the peer has given since the last call, for later connections.
    func takeNewSessions() -> [any TLSSession]
}

extension TLSContextMaker {
    package func leaveOut(_ roots: [LocalCA.Certificate]) {}
}

extension TLSEngine {
    package var takesOutput: Bool { true }
    package var wantsCertificate: Bool { false }
    package var unreadInput: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
    package var receivedAlert: UInt8? { nil }
}

package enum TLSHandshakeStep {
    case done, wantsInput
    case failed(TLSFailure)
}

package enum TLSReadStep {
    case bytes(Int)
    case wantsInput
    /// The peer has said that it has sent everything.
    case closeNotify
    case failed(TLSFailure)
}

/// What a peer gave to resume a connection with. Loop-bound.
package protocol TLSSession: AnyObject {
    /// Tickets of TLS 1.3 are used once, so that connections cannot be linked with each other (RFC 8446 C.4).
    var isUsedOnce: Bool { get }
    /// Until when it may be resumed, in milliseconds since 1970.
    var expires: Int64 { get }
}

/// What all connections of a profile share. Made by a worker, and then used by one loop.
package protocol TLSContext: AnyObject, Sendable {
    /// `session` is resumed if the peer agrees.
    func engine(
        over stream: any ByteStream, for peer: TLSPeer, resuming session: (any TLSSession)?
    ) throws(TLSFailure) -> any TLSEngine
}

/// Makes contexts. Its calls may read files, and so block. Shared.
package protocol TLSContextMaker: Sendable {
    func make(_ key: TLSProfile.ContextKey) -> Result<any TLSContext, TLSFailure>
    /// Roots that no context made from now on trusts.
    func leaveOut(_ roots: [LocalCA.Certificate])
    /// Different once the files that `make` reads have changed.
    func stamps(_ key: TLSProfile.ContextKey) -> FileStamps
}
