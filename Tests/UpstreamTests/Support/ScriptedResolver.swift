import ProxyTypes
import Resolving

/// A resolver whose answers a test gives. Loop-bound.
final class ScriptedResolver {
    private struct LookUp {
        let host: String
        let completion: Resolver.Completion
    }

    private var pending: [LookUp] = []
    private(set) var abandoned: [String] = []

    var resolver: Resolver {
        Resolver { [self] host, _, completion in
            pending.append(LookUp(host: host, completion: completion))
            return { [self] in
                abandoned.append(host)
                pending.removeAll { $0.host == host }
            }
        }
    }

    /// Those that are looked up, in the order in which they were asked for.
    var hosts: [String] { pending.map(\.host) }

    /// Of the oldest look-up.
    func answer(_ answer: NameAnswer) {
        pending.removeFirst().completion(answer)
    }
}
