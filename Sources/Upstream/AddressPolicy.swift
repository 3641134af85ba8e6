package import ProxyTypes

/// What may be connected to, asked for every address before it is dialled: names cannot lead around it.
package enum AddressVerdict: Equatable, Sendable {
    case allowed
    case denied
    /// The address and port are ours: the request would come back to us.
    case loop
}

package protocol AddressPolicy: Sendable {
    func verdict(on address: IPAddress, port: UInt16, of origin: Origin) -> AddressVerdict
}
