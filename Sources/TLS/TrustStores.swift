import ProxyTypes
import Synchronization

/// The bundles that are in use, each loaded once. Shared.
final class TrustStores: Sendable {
    private struct Known {
        let stamp: FileStamps
        weak var store: TrustStore?
    }

    private let known = Mutex<[String: Known]>([:])

    /// May read the file.
    func store(of path: String?) throws(TLSFailure) -> TrustStore {
        let file = path ?? TrustStore.system
        let stamp = FileStamps([file])
        let found = known.withLock { known in known[file].flatMap { $0.stamp == stamp ? $0.store : nil } }
        if let found { return found }
        let store = try TrustStore.load(path)
        known.withLock { known in
            known = known.filter { $0.value.store != nil }
            known[file] = Known(stamp: stamp, store: store)
        }
        return store
    }
}
