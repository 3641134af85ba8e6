import ConfigurationFile
import ProxyTypes
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// An address that the proxy should listen on but cannot. Value.
struct UnopenedListener: Sendable, CustomStringConvertible {
    let address: ListenAddress
    /// `errno`.
    private let code: CInt
    private let hint: String

    init(_ address: ListenAddress, code: CInt, hint: String = "") {
        self.address = address
        self.code = code
        self.hint = hint
    }

    var reason: String { String(cString: strerror(code)) + hint }
    var description: String { "\(address): \(reason)" }

    /// The host has no such address (no IPv6), so no client can try to connect to it. Otherwise another program may be
    /// answering there.
    var isBeyondHost: Bool { code == EADDRNOTAVAIL || code == EAFNOSUPPORT }
}

/// The addresses that could not be opened at the start or at the last reload. Shared.
final class UnopenedListeners: Sendable {
    private let state: Mutex<[UnopenedListener]>

    init(_ listeners: [UnopenedListener] = []) {
        state = Mutex(listeners)
    }

    var current: [UnopenedListener] { state.withLock { $0 } }

    func replace(with listeners: [UnopenedListener]) {
        state.withLock { $0 = listeners }
    }
}
