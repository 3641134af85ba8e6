package import ProxyTypes
package import Reactor

/// Finds out who is behind a client's connection. Loop-bound.
package protocol ClientIdentifier: AnyObject {
    /// `peer`: nil on a Unix socket. `found` is called once, within this call or later from the loop.
    func identify(_ stream: any ByteStream, peer: IPAddress?, found: @escaping (ClientIdentity) -> Void)
}
