package import ProxyTypes
package import Reactor

/// Encrypts connections to peers: `TLSLoop`, or what a test puts in its place. Loop-bound.
package protocol TLSClient: AnyObject {
    /// Loads what the profile needs, unless it is loaded, so that the first connection need not wait for it.
    func prepare(_ profile: TLSProfile)
    /// Over a connection that is open. The handshake ends by its completion, from the loop and never from within this call,
    /// or by `cancel`, and never takes longer than the caller lets it.
    func startHandshake(over stream: any ByteStream, with peer: TLSPeer, completion: @escaping TLSCompletion)
        -> any TLSHandshake
    /// Called with a profile's files after they have changed: connections that were made with their former content are to be
    /// retired.
    var onFilesChanged: ((TLSProfile.Files) -> Void)? { get set }
    /// Called where files have changed and cannot be used.
    var onFilesUnusable: ((TLSFailure) -> Void)? { get set }
}

package typealias TLSCompletion = (Result<TLSConnection, TLSFailure>) -> Void

/// A handshake under way. Loop-bound.
package protocol TLSHandshake: AnyObject {
    /// Closes the stream below; the completion is not called.
    func cancel()
}

/// What a handshake has made. Value.
package struct TLSConnection {
    package let stream: any ByteStream
    package let info: TLSInfo
    /// The peer has asked for a certificate, and there was none to show it. False where a session was resumed.
    package let wantsCertificate: Bool

    package init(stream: any ByteStream, info: TLSInfo, wantsCertificate: Bool = false) {
        self.stream = stream
        self.info = info
        self.wantsCertificate = wantsCertificate
    }
}
