import CLinux
package import ProxyTypes

/// The addresses of this host's interfaces.
package enum Interfaces {
    package static func addresses() -> [IPAddress] {
        var found: [IPAddress] = []
        withUnsafeMutablePointer(to: &found) { list in
            clinux_each_interface_address(
                { context, bytes, length in
                    let room = UnsafeRawBufferPointer(start: bytes, count: Int(length))
                    guard let list = context?.assumingMemoryBound(to: [IPAddress].self),
                        let address = IPAddress(bytes: room)
                    else { return }
                    list.pointee.append(address)
                }, list)
        }
        return found
    }
}
