package import ProxyTypes

/// What a process has to open and to close to listen where it should; places that it was handed count as open. Pure.
package struct ListenPlan: Hashable, Sendable {
    package var opening: [ListenAddress] = []
    package var closing: [ListenAddress] = []

    /// `held`: opened by this process. `inherited`: handed over, and never closed.
    ///
    /// Where somebody else says where to listen and nobody wrote it down here, the defaults do not hold.
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
