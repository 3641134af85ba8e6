import ProxyTypes

/// What an origin's connection writes to: its socket, or TLS over it.
protocol OriginLine: AnyObject {
    var isOpen: Bool { get }
    func send(_ bytes: [UInt8])
    /// The end of output, behind all that was sent.
    func shutdownOutput()
    /// As `PeerSocket`'s. With TLS, close_notify goes before the FIN.
    func close()
    func reset()
    func vanish()
    func fallSilent()
}

extension PeerSocket: OriginLine {}
