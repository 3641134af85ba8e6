import ProxyTypes
import Synchronization

@testable import Upstream

/// Answers look-ups when a test says so. Shared.
final class ScriptedResolver: Sendable {
    private struct LookUp {
        let host: String
        let completion: Resolver.Completion
    }

    private let pending = Mutex<[LookUp]>([])

    var resolver: Resolver {
        Resolver { [self] host, completion in
            pending.withLock { $0.append(LookUp(host: host, completion: completion)) }
        }
    }

    var hosts: [String] { pending.withLock { $0.map(\.host) } }

    /// Of the oldest look-up.
    func answer(_ answer: ResolverAnswer) {
        pending.withLock { $0.removeFirst() }.completion(answer)
    }
}
