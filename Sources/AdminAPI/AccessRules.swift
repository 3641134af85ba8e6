import Synchronization

/// The current access rules; a reload may replace them. Shared.
final class AccessRules: Sendable {
    private let rules: Mutex<Authentication>

    init(_ rules: Authentication) {
        self.rules = Mutex(rules)
    }

    var current: Authentication { rules.withLock { $0 } }

    func set(_ new: Authentication) { rules.withLock { $0 = new } }
}
