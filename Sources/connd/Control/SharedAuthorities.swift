import LocalCA
import Synchronization

/// The certificate authorities that connd signs with now, for whoever asks from another thread. Shared.
final class SharedAuthorities: Sendable {
    private let authorities: Mutex<SigningAuthorities>

    init(_ authorities: SigningAuthorities = SigningAuthorities()) {
        self.authorities = Mutex(authorities)
    }

    var current: SigningAuthorities { authorities.withLock { $0 } }

    func replace(_ new: SigningAuthorities) { authorities.withLock { $0 = new } }
}
