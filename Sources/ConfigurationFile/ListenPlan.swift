package import ProxyTypes

/// Which listeners to open and to close to listen where configured; inherited sockets count as open. Pure.
package struct ListenPlan: Hashable, Sendable {
    package var opening: [ListenAddress] = []
    package var closing: [ListenAddress] = []

    /// `held`: opened by this process. `inherited`: passed by systemd, and never closed.
    ///
    /// With inherited sockets, default addresses are not opened; configured ones are.
    package init(
        wanted: [ListenAddress], isDefault: Bool, held: [ListenAddress], inherited: [ListenAddress]
    ) {
        var missing = isDefault && !inherited.isEmpty ? [] : wanted
        for address in inherited {
            if let index = missing.firstIndex(of: address) { missing.remove(at: index) }
        }
        for address in held {
            if let index = missing.firstIndex(of: address) {
                missing.remove(at: index)
            } else {
                closing.append(address)
            }
        }
        opening = missing
    }
}
